/**
 * Keys to be worked on: each at most once in the queue, never by two workers at a time, several keys in parallel. A key
 * that failed waits, longer each time, and holds up nobody else.
 */
import { type BackoffOptions, backoffMilliseconds } from "./backoff.ts";

export interface WorkQueueOptions {
  /** Keys in work at a time. */
  readonly workers: number;
  /** Resolves with the milliseconds after which the key should be looked at again; `null`: when it is added. */
  readonly work: (key: string) => Promise<number | null>;
  /** @param error what `work` rejected with */
  readonly onFailure: (key: string, error: unknown, failures: number, waitMilliseconds: number) => void;
  readonly backoff?: BackoffOptions;
  readonly observer?: WorkQueueObserver;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** For metrics. */
export interface WorkQueueObserver {
  readonly onDepth: (depth: number) => void;
  readonly onAdded: () => void;
  /** @param waitedSeconds from added to taken */
  readonly onTaken: (waitedSeconds: number) => void;
  readonly onDone: (workedSeconds: number) => void;
  readonly onRetry: () => void;
}

export interface WorkQueue {
  /** Now; a key in work is worked on once more afterwards. */
  add(key: string): void;
  /** The soonest of several holds. */
  addAfter(key: string, milliseconds: number): void;
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Takes no more keys, and resolves when those in work are done. */
  stop(): Promise<void>;
}

/**
 * A key that is added is tried at once, and such tries count too: after a minute of many changes and an API server that
 * fails one request in twenty, a longer wait than this held a pipeline up for minutes, with nothing wrong any more.
 */
const BACKOFF: BackoffOptions = { firstMilliseconds: 100, maxMilliseconds: 30_000 };

interface Timer {
  readonly due: number;
  readonly handle: NodeJS.Timeout;
}

export function startWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { now, observer } = options;
  /** In order of arrival, with when they were added. */
  const waiting = new Map<string, number>();
  const inWork = new Set<string>();
  /** In work, and to be worked on again. */
  const again = new Set<string>();
  const timers = new Map<string, Timer>();
  const failures = new Map<string, number>();
  const done = new Set<Promise<void>>();
  let stopped = false;

  const add = (key: string) => {
    if (stopped) return;
    clearTimer(key);
    if (inWork.has(key)) again.add(key);
    else if (!waiting.has(key)) {
      waiting.set(key, now());
      observer?.onAdded();
      observer?.onDepth(waiting.size);
      take();
    }
  };

  const clearTimer = (key: string) => {
    clearTimeout(timers.get(key)?.handle);
    timers.delete(key);
  };

  const addAfter = (key: string, milliseconds: number) => {
    if (stopped) return;
    const due = now() + milliseconds;
    const set = timers.get(key);
    if (set !== undefined && set.due <= due) return;
    clearTimer(key);
    timers.set(key, { due, handle: setTimeout(() => add(key), milliseconds) });
  };

  const take = () => {
    while (!stopped && inWork.size < options.workers) {
      const [first] = waiting;
      if (first === undefined) return;
      const [key, added] = first;
      waiting.delete(key);
      observer?.onDepth(waiting.size);
      observer?.onTaken((now() - added) / 1000);
      inWork.add(key);
      const work = workOn(key);
      done.add(work);
      void work.then(() => done.delete(work));
    }
  };

  const workOn = async (key: string) => {
    const began = now();
    try {
      const next = await options.work(key);
      failures.delete(key);
      if (next !== null) addAfter(key, next);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const wait = backoffMilliseconds(count, options.backoff ?? BACKOFF, options.random);
      observer?.onRetry();
      options.onFailure(key, error, count, wait);
      addAfter(key, wait);
    } finally {
      observer?.onDone((now() - began) / 1000);
      inWork.delete(key);
      if (again.delete(key)) add(key);
      take();
    }
  };

  return {
    add,
    addAfter,
    get depth() {
      return waiting.size;
    },
    async stop() {
      stopped = true;
      for (const key of [...timers.keys()]) clearTimer(key);
      waiting.clear();
      await Promise.all(done);
    },
  };
}
