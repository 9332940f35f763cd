import { setTimeout } from "node:timers/promises";

export interface Refresher {
  /** Runs the task now, after any run under way. Rejects with what the task rejects with. */
  refresh(): Promise<void>;
  /** Whether the task has succeeded once. */
  readonly succeeded: () => boolean;
  /** Why the last run failed; `null` when it did not. */
  readonly error: () => string | null;
  /** What the last run failed with; `null` when it did not. */
  readonly failure: () => unknown;
  /** Ends the repeats and waits for a run under way. */
  close(): Promise<void>;
}

/**
 * Runs a task now and again and again, one run at a time.
 *
 * @param onFailure is told of each run that failed; the next one comes as ever
 */
export function repeat(
  task: () => Promise<void>,
  milliseconds: number,
  onFailure: (cause: unknown) => void,
): Refresher {
  const closing = new AbortController();
  let succeeded = false;
  let failure: unknown = null;
  let last = Promise.resolve();

  const run = async () => {
    try {
      await task();
      succeeded = true;
      failure = null;
    } catch (cause) {
      failure = cause;
      onFailure(cause);
      throw cause;
    }
  };
  const refresh = () => {
    const result = last.then(run);
    last = result.catch(() => undefined);
    return result;
  };
  const repeating = (async () => {
    while (!closing.signal.aborted) {
      await refresh().catch(() => undefined);
      await setTimeout(milliseconds, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();
  return {
    refresh,
    succeeded: () => succeeded,
    error: () => (failure === null ? null : failure instanceof Error ? failure.message : String(failure)),
    failure: () => failure,
    async close() {
      closing.abort();
      await repeating;
      await last;
    },
  };
}
