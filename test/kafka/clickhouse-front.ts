/**
 * ClickHouse over HTTP for tests: the embedded engine behind a small server of the tests' own, so that the unmodified
 * `@clickhouse/client` speaks to it as to a server, and faults can be put in between.
 *
 *     const front = await startClickHouseFront({ path: clickHouseFolder() });
 *     const clickhouse = await openClickHouse({ kind: "server", url: front.url, ... }, "shop");
 *     await front.fault({ kind: "Hang", when: "After", on: "Insert", times: 1 });
 *     await front.fault(null);
 *
 * The engine binds one folder a process. For consumers in processes of their own, and to kill ClickHouse itself, use
 * `startFrontProcess` (front-process.ts): the same interface, with `kill` and `start`.
 *
 * It takes what a server's HTTP interface takes: statements in the body or in `query`, `param_*` (in multipart, too), settings, `database`,
 * `default_format`, `query_id`; basic authentication, `X-ClickHouse-User` and `-Key`; gzip both ways; `/ping`. It answers
 * with `X-ClickHouse-Exception-Code`, `X-ClickHouse-Summary` and the server's HTTP codes. Sessions and streaming are left out.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { openSessions, type Statement } from "./clickhouse-sessions.ts";

/** Before the statement runs, when nothing is stored, or after it ran, when all of it is. */
type When = "Before" | "After";

/**
 * - `Refuse`: no connection is taken, open ones end at once.
 * - `Hang`: no answer ever comes, the connection stays open. `Stall`: the same after half of the answer.
 * - `Cut`: the connection ends, without any answer (before) or in the middle of it (after).
 * - `Fail`: an exception of ClickHouse; without a code one that says nothing (1002).
 * - `BadGateway`: what a proxy says that cannot reach its server, without ClickHouse's exception in it.
 * - `Slow`: later by so much.
 */
export type Fault =
  | { readonly kind: "Refuse" }
  | (StatementFault & {
      /** Which statements; all when absent. */
      readonly on?: "Insert" | "Select";
      /** Only statements that contain this. */
      readonly matching?: string;
      /** Only every so-manieth of those. */
      readonly every?: number;
      /** So often, then it is over; for ever when absent. */
      readonly times?: number;
    });

type StatementFault =
  | { readonly kind: "Hang" | "Cut" | "BadGateway"; readonly when: When }
  | { readonly kind: "Fail"; readonly when: When; readonly code?: number; readonly type?: string }
  | { readonly kind: "Stall" }
  | { readonly kind: "Slow"; readonly milliseconds: number };

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface FrontOptions {
  /** Address of this machine that clients come to; 127.0.0.1 when absent. */
  readonly host?: string;
  /** Folder of the engine's data. */
  readonly path: string;
  /** Default: any free one. It stays the same through `Refuse`. */
  readonly port?: number;
  /** Who may come; anybody when absent. */
  readonly credentials?: Credentials;
  /** PEM: it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Statements at once. Default 4. */
  readonly connections?: number;
}

export interface FrontCounts {
  readonly requests: number;
  /** Requests that a fault met. */
  readonly faults: number;
  /** Statements that the engine ran without an error. */
  readonly statements: number;
}

export interface ClickHouseFront {
  readonly url: string;
  /** In place of the fault before; `null`: none. It holds for what comes after it resolved. */
  fault(fault: Fault | null): Promise<void>;
  /** From now on, as after a rotation; `null`: anybody may come. */
  setCredentials(credentials: Credentials | null): Promise<void>;
  counts(): Promise<FrontCounts>;
  close(): Promise<void>;
}

/** As ClickHouse's `http_max_uri_size`. */
const MAX_URI_BYTES = 1024 * 1024;
/** ClickHouse's `keep_alive_timeout`. */
const KEEP_ALIVE_MILLISECONDS = 10_000;
const zip = promisify(gzip);
const unzip = promisify(gunzip);

export async function startClickHouseFront(options: FrontOptions): Promise<ClickHouseFront> {
  const sessions = openSessions(options.path, options.connections ?? 4);
  const { host = "127.0.0.1" } = options;
  const faults = new Faults();
  let credentials = options.credentials ?? null;
  const counts = { requests: 0, faults: 0, statements: 0 };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    counts.requests += 1;
    const { address, body } = await read(request);
    if (address.pathname === "/ping") return void response.end("Ok.\n");
    if (!admits(request, address, credentials)) return exception(response, authenticationFailed());
    const statement = statementOf(address, body);
    const fault = faults.meet(statement.sql);
    if (fault !== null) counts.faults += 1;
    if (fault?.kind === "Slow") await sleep(fault.milliseconds);
    else if (fault !== null && fault.kind !== "Stall" && fault.when === "Before")
      return inject(fault, response, new Uint8Array(0));
    const result = await sessions.run(statement);
    counts.statements += 1;
    if (fault !== null && fault.kind !== "Slow") return inject(fault, response, result.body);
    const written = statement.rows === null ? 0 : linesOf(statement.rows);
    response.setHeader(
      "X-ClickHouse-Summary",
      JSON.stringify({
        read_rows: `${written === 0 ? result.rowsRead : written}`,
        read_bytes: `${result.bytesRead}`,
        written_rows: `${written}`,
        written_bytes: `${statement.rows?.length ?? 0}`,
        total_rows_to_read: "0",
        result_rows: `${written === 0 ? result.rowsRead : written}`,
        result_bytes: `${result.body.length}`,
        elapsed_ns: `${Math.round(result.elapsed * 1e9)}`,
      }),
    );
    response.setHeader("X-ClickHouse-Query-Id", address.searchParams.get("query_id") ?? "");
    response.setHeader("X-ClickHouse-Format", statement.format);
    const zipped =
      address.searchParams.get("enable_http_compression") === "1" &&
      `${request.headers["accept-encoding"]}`.includes("gzip");
    if (zipped) response.setHeader("Content-Encoding", "gzip");
    response.end(zipped ? await zip(result.body) : result.body);
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((error: unknown) => {
      exception(response, error instanceof Error ? error.message : String(error));
    });
  };
  const limits = { maxHeaderSize: MAX_URI_BYTES, keepAliveTimeout: KEEP_ALIVE_MILLISECONDS };
  const server =
    options.tls === undefined ? createServer(limits, handle) : createTlsServer({ ...limits, ...options.tls }, handle);
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  const stopListening = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://${host}:${port}`,
    async fault(fault) {
      faults.set(fault);
      if (fault?.kind === "Refuse") {
        if (server.listening) await stopListening();
      } else if (!server.listening) {
        await listen(port);
      }
    },
    async setCredentials(changed) {
      credentials = changed;
    },
    counts: async () => ({ ...counts }),
    async close() {
      if (server.listening) await stopListening();
      sessions.close();
    },
  };
}

class Faults {
  #fault: Fault | null = null;
  #seen = 0;
  #left = Number.POSITIVE_INFINITY;

  set(fault: Fault | null): void {
    this.#fault = fault;
    this.#seen = 0;
    this.#left = (fault?.kind === "Refuse" ? undefined : fault?.times) ?? Number.POSITIVE_INFINITY;
  }

  /** What this statement meets. */
  meet(sql: string): StatementFault | null {
    const fault = this.#fault;
    if (fault === null || fault.kind === "Refuse" || this.#left === 0) return null;
    const kind = /^\s*INSERT\b/i.test(sql) ? "Insert" : "Select";
    if (fault.on !== undefined && fault.on !== kind) return null;
    if (fault.matching !== undefined && !sql.includes(fault.matching)) return null;
    this.#seen += 1;
    if (this.#seen % (fault.every ?? 1) !== 0) return null;
    this.#left -= 1;
    return fault;
  }
}

function inject(fault: Exclude<StatementFault, { kind: "Slow" }>, response: ServerResponse, body: Uint8Array): void {
  switch (fault.kind) {
    case "Hang":
      return;
    case "Cut":
      if (fault.when === "Before") return void response.socket?.destroy();
      response.setHeader("Content-Length", body.length + 1_000);
      response.write(body.length === 0 ? "\n" : body.subarray(0, Math.ceil(body.length / 2)), () =>
        response.socket?.destroy(),
      );
      return;
    case "Stall":
      response.setHeader("Content-Length", body.length + 1_000);
      response.write(body.length === 0 ? "\n" : body.subarray(0, Math.ceil(body.length / 2)));
      return;
    case "BadGateway":
      response.statusCode = 502;
      return void response.end("<html><body>502 Bad Gateway</body></html>");
    case "Fail": {
      const { code = 1002, type = "UNKNOWN_EXCEPTION", when } = fault;
      exception(response, `Code: ${code}. DB::Exception: Injected ${when.toLowerCase()} the statement ran. (${type})`);
    }
  }
}

async function read(request: IncomingMessage): Promise<{ address: URL; body: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const address = new URL(request.url ?? "/", "http://front");
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("multipart/form-data")) {
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    for (const [name, value] of form) address.searchParams.set(name, String(value));
    return { address, body: Buffer.alloc(0) };
  }
  return { address, body: request.headers["content-encoding"] === "gzip" ? await unzip(body) : body };
}

/** What in an address is not a setting. */
const NOT_SETTINGS = new Set(["query", "query_id", "database", "default_format", "user", "password"]);
/** Settings of a server's HTTP interface, which the engine alone does not know. */
const HTTP_SETTINGS = /^(enable_http_compression|wait_end_of_query|http_\w+|send_progress_in_http_headers)$/;

function statementOf(address: URL, body: Buffer): Statement {
  const query = address.searchParams.get("query");
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of address.searchParams) {
    if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
    else if (!NOT_SETTINGS.has(name) && !HTTP_SETTINGS.test(name)) settings.set(name, value);
  }
  return {
    sql: query ?? body.toString(),
    rows: query === null ? null : /^\s*INSERT\b/i.test(query) ? body : null,
    database: address.searchParams.get("database") ?? "default",
    settings,
    parameters,
    format: address.searchParams.get("default_format") ?? "TabSeparated",
  };
}

function linesOf(rows: Buffer): number {
  let lines = 0;
  for (let at = rows.indexOf(10); at !== -1; at = rows.indexOf(10, at + 1)) lines += 1;
  return rows.length > 0 && rows.at(-1) !== 10 ? lines + 1 : lines;
}

function admits({ headers }: IncomingMessage, address: URL, credentials: Credentials | null): boolean {
  if (credentials === null) return true;
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? "")?.[1];
  const given =
    basic === undefined
      ? `${headers["x-clickhouse-user"] ?? address.searchParams.get("user")}:${headers["x-clickhouse-key"] ?? address.searchParams.get("password")}`
      : Buffer.from(basic, "base64").toString();
  return given === `${credentials.username}:${credentials.password}`;
}

function authenticationFailed(): string {
  return "Code: 516. DB::Exception: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)";
}

/** ClickHouse's HTTP codes by its own; the rest are 500. */
const STATUS_OF: Readonly<Record<number, readonly number[]>> = {
  400: [6, 26, 27, 36, 41, 53, 62, 69, 70, 72, 117, 131, 349, 386, 407, 456, 469],
  401: [194],
  403: [192, 193, 516],
  404: [46, 47, 50, 60, 73, 81, 115],
  413: [395],
  501: [48],
};

function exception(response: ServerResponse, message: string): void {
  if (response.headersSent) return void response.socket?.destroy();
  const code = Number(/Code: (\d+)/.exec(message)?.[1] ?? 1002);
  const [status] = Object.entries(STATUS_OF).find(([, codes]) => codes.includes(code)) ?? ["500"];
  response.statusCode = Number(status);
  response.setHeader("X-ClickHouse-Exception-Code", code);
  const text = message.startsWith("Code:") ? message : `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)`;
  response.end(`${text} (version 26.7.2.1)\n`);
}
