/**
 * The thread that owns the log's file: answers one call after another. A refusal of SQLite is answered; anything else
 * that is thrown ends the thread, which the log reports to every caller.
 */
import { parentPort, workerData } from "node:worker_threads";
import { NewerFormatError, SegmentStore } from "./store.ts";
import type { Retention, StoreCalls, StoreFailureCode, StoreReply, StoreRequest } from "./store-calls.ts";

const FAILURE_CODES: Readonly<Record<number, StoreFailureCode>> = {
  10: "io_error",
  11: "corrupt",
  13: "disk_full",
  26: "corrupt",
};

const port = parentPort;
if (port === null) throw new Error("worker.ts is started by the embedded log, not on its own");

const { file, retention } = workerData as { file: string; retention: Retention };
const store = answer(0, () => new SegmentStore(file, retention));
if (store === null) port.close();

port.on("message", ({ id, name, argument }: StoreRequest) => {
  if (store === null) return;
  const call = store[name].bind(store) as (argument: unknown) => unknown;
  answer(id, () => call(argument));
  if (name === "close") port.close();
});

function answer<Result>(id: number, work: () => Result): Result | null {
  try {
    const result = work();
    const reply: StoreReply = { id, result: id === 0 ? null : result };
    port?.postMessage(reply, packedIn(result));
    return result;
  } catch (error) {
    const code = failureCode(error);
    if (code === null || !(error instanceof Error)) throw error;
    const reply: StoreReply = { id, failure: { code, message: error.message } };
    port?.postMessage(reply);
    return null;
  }
}

function packedIn(result: unknown): ArrayBuffer[] {
  if (typeof result !== "object" || result === null || !("ranges" in result)) return [];
  return (result as ReturnType<StoreCalls["fetch"]>).ranges.map((range) => range.records.buffer);
}

/** @returns `null` for what SQLite did not say */
function failureCode(error: unknown): StoreFailureCode | null {
  if (error instanceof NewerFormatError) return "newer_format";
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return FAILURE_CODES[error.errcode & 0xff] ?? "storage_failed";
}
