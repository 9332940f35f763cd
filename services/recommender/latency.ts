/** How long answers took of late. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

const MINUTE = 60_000;
const MICROSECONDS = 1_000;
const PERCENTILE = 99;

export interface RecentLatency {
  /** @param milliseconds of one answer */
  record(milliseconds: number): void;
  /** Milliseconds, of the minute under way and the one before; `null`: nothing was answered. */
  p99(): number | null;
}

/** @param elapsed milliseconds of a clock that never goes back */
export function recentLatency(elapsed: () => number): RecentLatency {
  let current: RecordableHistogram = createHistogram();
  let before: RecordableHistogram = createHistogram();
  let begun = elapsed();
  const turn = () => {
    const minutes = Math.floor((elapsed() - begun) / MINUTE);
    if (minutes === 0) return;
    [before, current] = [current, before];
    current.reset();
    if (minutes > 1) before.reset();
    begun += minutes * MINUTE;
  };
  return {
    record(milliseconds) {
      turn();
      current.record(Math.max(1, Math.round(milliseconds * MICROSECONDS)));
    },
    p99() {
      turn();
      const both = createHistogram();
      both.add(current);
      both.add(before);
      return both.count === 0 ? null : both.percentile(PERCENTILE) / MICROSECONDS;
    },
  };
}
