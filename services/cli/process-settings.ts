import { setFlagsFromString } from "node:v8";

/** Commands that know ClickHouse as a server. */
const WITHOUT_ENGINE: readonly (string | undefined)[] = [
  "collector",
  "consume",
  "migrate",
  "serve",
  "train",
  "cleanup",
  "shop",
];

/** Call it first of all: both settings are read when they are first needed. @param command the program's first word */
export function settleProcess(command?: string): void {
  // Busy queries of the embedded engine would otherwise hold up Node's own file reads. Where there is none, the usual four
  // threads do, and the memory that each more would keep for itself is saved: 25 MB in a consumer at full load.
  if (!WITHOUT_ENGINE.includes(command)) process.env.UV_THREADPOOL_SIZE ??= "16";
  // A stream of short-lived objects. V8 would let the space for them grow to 128 MB, which makes it no faster: measured
  // on a replay of a million events, a tenth of the memory and none of the throughput.
  setFlagsFromString("--semi-space-growth-factor=1");
}
