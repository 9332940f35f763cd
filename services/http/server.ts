import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { isTracing } from "../telemetry/index.ts";
import { traced } from "./traced.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Tried before the application; it answers and returns true, or touches nothing and returns false. */
  readonly hotPath?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whether each request is a span, but for those of operations. Default `false`. */
  readonly traced?: boolean;
  /**
   * How long `close` leaves open connections to clients that keep them: their next request is answered, and told that it is
   * the last. One that is closed at once may just then carry a request, which fails. Default 0.
   */
  readonly lastAnswerMilliseconds?: number;
  /** How long `close` waits for requests under way; 10 s by default. */
  readonly graceMilliseconds?: number;
}

export interface RunningServer {
  /** `http://host:port`, with the port that was given by the system when 0 was asked for. */
  readonly address: string;
  readonly port: number;
  /** Takes no new connection, answers the requests under way, then ends. */
  close(): Promise<void>;
}

export type ListenErrorCode = "port_in_use" | "port_forbidden" | "address_unknown" | "listen_failed";

/** The server could not be started; the message says what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const GRACE_MILLISECONDS = 10_000;
const IDLE_CHECK_MILLISECONDS = 50;

/**
 * Serves an Express application (or any request listener).
 *
 * @throws ListenError when the address cannot be had
 */
export async function startServer(application: RequestListener, options: ServerOptions): Promise<RunningServer> {
  const { hotPath } = options;
  const listener: RequestListener =
    hotPath === undefined
      ? application
      : (request, response) => {
          if (!hotPath(request, response)) application(request, response);
        };
  const server = createServer(options.traced === true && isTracing() ? traced(listener) : listener);
  const unused = unusedSockets(server);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  let closing: Promise<void> | undefined;
  return {
    address: `http://${host}:${port}`,
    port,
    close() {
      closing ??= closeServer(server, unused, options);
      return closing;
    },
  };
}

function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  switch (error.code) {
    case "EADDRINUSE":
      return new ListenError(
        "port_in_use",
        `port ${port} on ${host} is in use by another program: stop it, or choose another port (--port)`,
        error,
      );
    case "EACCES":
      return new ListenError(
        "port_forbidden",
        `this user may not open port ${port} on ${host}: choose one above 1023 (--port)`,
        error,
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ListenError(
        "address_unknown",
        `${host} is not an address of this machine: use 127.0.0.1 or 0.0.0.0`,
        error,
      );
    default:
      return new ListenError("listen_failed", `cannot listen on ${host}:${port}: ${error.message}`, error);
  }
}

/** Connections that have sent no request yet, as browsers open them in advance: Node does not count them as idle. */
function unusedSockets(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  server.on("request", ({ socket }) => unused.delete(socket));
  return unused;
}

function closeServer(
  server: Server,
  unused: ReadonlySet<Socket>,
  { lastAnswerMilliseconds = 0, graceMilliseconds = GRACE_MILLISECONDS }: ServerOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.prependListener("request", (_request, response) => {
      response.shouldKeepAlive = false;
    });
    let idle: NodeJS.Timeout | undefined;
    const last = setTimeout(() => {
      // Again and again: one that becomes idle after an answer that was under way would stay for the keep-alive time.
      idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MILLISECONDS);
    }, lastAnswerMilliseconds);
    const grace = setTimeout(() => server.closeAllConnections(), graceMilliseconds);
    // Not the HTTP server's own, which closes idle connections at once.
    NetServer.prototype.close.call(server, (error) => {
      clearTimeout(last);
      clearInterval(idle);
      clearTimeout(grace);
      if (error) reject(error);
      else resolve();
    });
    for (const socket of unused) socket.destroy();
  });
}
