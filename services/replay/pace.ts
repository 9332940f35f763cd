import { EARLIEST_ACTIVITY } from "../activity/mapping/read-time.ts";
import type { ReplayRecord } from "./sources/index.ts";

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Records that are due within this are sent together. */
const TICK_MILLISECONDS = 50;
/** A timer takes no more than 2^31 ms, and a night of recorded time should not look like a standstill. */
const LONGEST_SLEEP_MILLISECONDS = 1_000;
const DAY_MILLISECONDS = 86_400_000;

/**
 * The records in their order, each not before it is due; an empty batch now and then while none is. Recorded time counts
 * from the first record that has a time. A record without one goes with those before it; a time that no activity can
 * have (before 2000, or more than a day ahead of the clock) counts as none, since waiting for it would not end.
 *
 * @param speed a multiple of recorded time, or `null`: batches pass through as they are
 * @param signal ends the sequence after the batch that was yielded last
 */
export async function* paced(
  batches: AsyncIterable<ReplayRecord[]>,
  speed: number | null,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<ReplayRecord[], void, undefined> {
  const dueAt = schedule(speed, clock);
  for await (const batch of batches) {
    let due: ReplayRecord[] = [];
    for (const record of batch) {
      for (let wait = dueAt(record) - clock.now(); wait > 0; wait = dueAt(record) - clock.now()) {
        yield due;
        due = [];
        await clock.sleep(Math.min(Math.max(wait, TICK_MILLISECONDS), LONGEST_SLEEP_MILLISECONDS), signal);
        if (signal.aborted) return;
      }
      due.push(record);
    }
    if (signal.aborted) return;
    yield due;
  }
}

function schedule(speed: number | null, clock: Clock): (record: ReplayRecord) => number {
  if (speed === null) return () => 0;
  const latest = clock.now() + DAY_MILLISECONDS;
  let start: { readonly recorded: number; readonly at: number } | null = null;
  return ({ occurredAt }) => {
    if (occurredAt === null || occurredAt < EARLIEST_ACTIVITY || occurredAt > latest) return 0;
    start ??= { recorded: occurredAt, at: clock.now() };
    return start.at + (occurredAt - start.recorded) / speed;
  };
}
