/** A process of its own that puts load on one server: `node http-load.ts '<HttpLoad as JSON>'`, the result as JSON. */
import autocannon from "autocannon";

export interface HttpLoad {
  readonly url: string;
  readonly paths: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

export interface HttpLoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Latency in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx, errors and time-outs. */
  readonly failed: number;
}

const { url, paths, connections, seconds } = JSON.parse(process.argv[2] ?? "") as HttpLoad;
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  requests: paths.map((path) => ({ path })),
});
const report: HttpLoadResult = {
  requests: result.requests.total,
  requestsPerSecond: result.requests.average,
  p50: result.latency.p50,
  p99: result.latency.p99,
  failed: result.non2xx + result.errors + result.timeouts,
};
process.stdout.write(JSON.stringify(report));
