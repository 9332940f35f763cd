/** The last minutes of a pipeline's figures, in memory: what the charts of the overview show. Pure. */

/** What is measured at one moment; `null`: nothing was. */
interface Measured {
  readonly freshnessMilliseconds: number | null;
  readonly latencyMilliseconds: number | null;
  readonly lag: number | null;
}

/** As read at one moment; counters count from the start of the process. */
export interface Reading extends Measured {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly events: number;
  readonly answers: number;
}

/** Of the time between two readings. */
export interface Sample extends Measured {
  /** Seconds since 1970. */
  readonly at: number;
  /** Accepted events a second. */
  readonly events: number;
  /** Answers a second. */
  readonly answers: number;
}

/**
 * The samples with one more; beyond `limit` the oldest go. A counter that went back counts as nothing. Freshness is of events
 * that came in this time: the last one says nothing of a flow that has stopped.
 */
export function withReading(
  samples: readonly Sample[],
  before: Reading | null,
  reading: Reading,
  limit: number,
): readonly Sample[] {
  if (before === null || reading.at <= before.at) return samples;
  const seconds = (reading.at - before.at) / 1_000;
  const rate = (now: number, then: number) => Math.max(0, now - then) / seconds;
  const { latencyMilliseconds, lag } = reading;
  const sample: Sample = {
    at: Math.round(reading.at / 1_000),
    events: rate(reading.events, before.events),
    answers: rate(reading.answers, before.answers),
    freshnessMilliseconds: reading.events > before.events ? reading.freshnessMilliseconds : null,
    ...{ latencyMilliseconds, lag },
  };
  return [...samples, sample].slice(-limit);
}

/** Over which the present figures are taken. */
export const PRESENT_SECONDS = 30;

/** The mean rates of the last `seconds`, and what was measured last. */
export function summary(samples: readonly Sample[], seconds: number): Omit<Sample, "at"> | null {
  const last = samples.at(-1);
  if (last === undefined) return null;
  const recent = samples.filter(({ at }) => at > last.at - seconds);
  const mean = (read: (sample: Sample) => number) => recent.reduce((sum, one) => sum + read(one), 0) / recent.length;
  const latest = (read: (sample: Sample) => number | null) =>
    recent.map(read).findLast((value) => value !== null) ?? null;
  return {
    events: mean(({ events }) => events),
    answers: mean(({ answers }) => answers),
    freshnessMilliseconds: latest((sample) => sample.freshnessMilliseconds),
    latencyMilliseconds: latest((sample) => sample.latencyMilliseconds),
    lag: latest((sample) => sample.lag),
  };
}
