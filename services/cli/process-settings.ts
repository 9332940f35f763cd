import { setFlagsFromString } from "node:v8";

/** For a process that holds the embedded engine. Call it first of all: both are read when they are first needed. */
export function settleProcess(): void {
  // Busy ClickHouse queries would otherwise hold up Node's own file reads.
  process.env.UV_THREADPOOL_SIZE ??= "16";
  // A stream of short-lived objects. V8 would let the space for them grow to 128 MB, which makes it no faster: measured
  // on a replay of a million events, a tenth of the memory and none of the throughput.
  setFlagsFromString("--semi-space-growth-factor=1");
}
