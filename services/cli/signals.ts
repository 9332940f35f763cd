/** How a process is told to end. As the first of a container it is told nothing unless it listens: the kernel sees to that. */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Until a command says by `onStopSignal` what it has to finish: a job, or a role that is still being loaded. */
export function endOnSignal(): void {
  for (const signal of SIGNALS) process.once(signal, end);
}

/** The first signal calls `stop`, and nothing else. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of SIGNALS) process.off(signal, end).once(signal, stop);
}

/** With the code that a shell gives to a process that ended by the signal. */
function end(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}
