/** A process of its own that puts load on one server: an `HttpLoad` as JSON on its standard input, the result as JSON. */
import { text } from "node:stream/consumers";
import autocannon, { type Request } from "autocannon";

export interface HttpLoad {
  readonly url: string;
  readonly paths: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** JSON texts that are posted to every path in turn; absent: GET. */
  readonly bodies?: readonly string[];
}

export interface HttpLoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Latency in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failed: { readonly answers: number; readonly connections: number; readonly timeouts: number };
}

const POST = { method: "POST", headers: { "content-type": "application/json" } } as const;

const { url, paths, connections, seconds, bodies } = JSON.parse(await text(process.stdin)) as HttpLoad;
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  requests: paths.flatMap((path): Request[] => bodies?.map((body) => ({ path, body, ...POST })) ?? [{ path }]),
});
const report: HttpLoadResult = {
  requests: result.requests.total,
  requestsPerSecond: result.requests.average,
  p50: result.latency.p50,
  p99: result.latency.p99,
  failed: { answers: result.non2xx, connections: result.errors - result.timeouts, timeouts: result.timeouts },
};
process.stdout.write(JSON.stringify(report));
