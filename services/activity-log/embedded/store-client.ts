/**
 * Calls to the thread that owns the log's file. When that thread ends without having been asked to, every call under
 * way and every later one is rejected.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { EmbeddedLogError } from "./errors.ts";
import type {
  Retention,
  StoreCallArgument,
  StoreCallName,
  StoreCalls,
  StoreReply,
  StoreRequest,
} from "./store-calls.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class StoreClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #file: string;
  #nextId = 1;
  #failure: EmbeddedLogError | null = null;
  readonly #failed = Promise.withResolvers<EmbeddedLogError>();

  private constructor(file: string, retention: Retention) {
    this.#file = file;
    this.#worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: { file, retention },
      name: "activity-log",
    });
    this.#worker.on("message", (reply: StoreReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new Error(`it ended with code ${code}`)));
  }

  /** @throws EmbeddedLogError when the file cannot be opened */
  static async open(file: string, retention: Retention): Promise<StoreClient> {
    const client = new StoreClient(file, retention);
    await new Promise((resolve, reject) => client.#waiting.set(0, { resolve, reject }));
    return client;
  }

  /** Resolves when the thread has ended unexpectedly. */
  get failed(): Promise<EmbeddedLogError> {
    return this.#failed.promise;
  }

  /** @param transfer buffers of the argument that the caller gives away */
  call<Name extends StoreCallName>(
    name: Name,
    argument: StoreCallArgument<Name>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<StoreCalls[Name]>> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const request: StoreRequest = { id: this.#nextId++, name, argument };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  /** Resolves when the file is closed and the thread has ended; at once after a failure. */
  async close(): Promise<void> {
    if (this.#failure !== null) return;
    const ended = new Promise((resolve) => this.#worker.once("exit", resolve));
    const closed = this.call("close", undefined);
    this.#failure = new EmbeddedLogError("closed", `the activity log ${this.#file} is closed`);
    await closed;
    await ended;
  }

  #settle(reply: StoreReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("result" in reply) {
      waiting?.resolve(reply.result);
      return;
    }
    const { code, message } = reply.failure;
    const error = new EmbeddedLogError(code, `${this.#file}: ${message}${advice(code)}`);
    if (reply.id === 0) this.#failure = error;
    waiting?.reject(error);
  }

  #fail(cause: Error): void {
    if (this.#failure === null) {
      const message = `the thread that owns ${this.#file} failed: ${cause.message}. Open the log again.`;
      this.#failure = new EmbeddedLogError("worker_failed", message, { cause });
      this.#failed.resolve(this.#failure);
    }
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function advice(code: EmbeddedLogError["code"]): string {
  switch (code) {
    case "disk_full":
      return ". Free space on the device, or lower the log's retention; nothing was written, try again.";
    case "io_error":
      return ". Look for a failing device, a quota or a file size limit; nothing was written, try again.";
    case "corrupt":
      return ". Restore the file from a copy, or move it away to begin an empty log.";
    default:
      return "";
  }
}
