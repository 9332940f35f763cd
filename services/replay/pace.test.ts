import { describe, expect, it } from "vitest";
import { type Clock, paced } from "./pace.ts";
import type { ReplayRecord } from "./sources/index.ts";

const START = Date.UTC(2024, 0, 1);
const NOW = Date.UTC(2025, 0, 1);
const SECOND = 1_000;

/** A clock that goes forward only while somebody sleeps. */
function sleepingClock(): Clock & { time: number; sleeps: number[] } {
  return {
    time: NOW,
    sleeps: [],
    now() {
      return this.time;
    },
    async sleep(milliseconds, signal) {
      if (signal?.aborted) return;
      this.sleeps.push(milliseconds);
      this.time += milliseconds;
    },
  };
}

/** Records named by the seconds after START at which they happened. */
function recordsAt(...seconds: readonly (number | null)[]): ReplayRecord[] {
  return seconds.map((second) => ({
    topic: "clicks",
    key: null,
    value: new Uint8Array(),
    recordId: String(second),
    occurredAt: second === null ? null : START + second * SECOND,
  }));
}

async function* batchesOf(...batches: readonly ReplayRecord[][]): AsyncGenerator<ReplayRecord[], void, undefined> {
  yield* batches;
}

/** Each record's name and the seconds of the clock at which it came. */
async function schedule(batches: readonly ReplayRecord[][], speed: number | null, clock = sleepingClock()) {
  const came: [string, number][] = [];
  for await (const batch of paced(batchesOf(...batches), speed, clock, new AbortController().signal)) {
    for (const { recordId } of batch) came.push([recordId, (clock.time - NOW) / SECOND]);
  }
  return { came, clock };
}

describe("paced", () => {
  it("passes batches through as they are when no speed is asked for", async () => {
    const batches = [recordsAt(0, 10_000), recordsAt(1)];
    const seen: ReplayRecord[][] = [];
    const clock = sleepingClock();
    for await (const batch of paced(batchesOf(...batches), null, clock, new AbortController().signal)) seen.push(batch);
    expect(seen).toEqual(batches);
    expect(clock.sleeps).toEqual([]);
  });

  it.each([1, 2, 60])(
    "brings each record when it is due, over the bounds of batches, at %i times recorded time",
    async (speed) => {
      const { came } = await schedule([recordsAt(0, 6, 6), recordsAt(7_200)], speed);
      expect(came.map(([name]) => name)).toEqual(["0", "6", "6", "7200"]);
      for (const [name, at] of came) {
        expect(at).toBeGreaterThanOrEqual(Number(name) / speed);
        expect(at).toBeLessThanOrEqual(Number(name) / speed + 0.05);
      }
    },
  );

  it("sends together what is due within a tick, so that a high speed is not held up by many small appends", async () => {
    const everySecond = recordsAt(...Array.from({ length: 1_000 }, (_, second) => second));
    const { came, clock } = await schedule([everySecond], 1_000);
    expect(came).toHaveLength(1_000);
    expect(clock.time - NOW).toBeLessThanOrEqual(SECOND + 50);
    expect(clock.sleeps.length).toBeLessThanOrEqual(20);
  });

  it("does not hold up records that are late, have no time, or name one that no activity can have", async () => {
    const impossible = [(Date.UTC(1970, 0, 2) - START) / SECOND, (Date.UTC(2100, 0, 1) - START) / SECOND];
    const { came } = await schedule([recordsAt(impossible[0]!, 100, null, impossible[1]!, 40, 110)], 1);
    expect(came.map(([, at]) => at)).toEqual([0, 0, 0, 0, 0, 10]);
  });

  it("waits a night of recorded time in short sleeps, with an empty batch between them", async () => {
    const clock = sleepingClock();
    let empty = 0;
    for await (const batch of paced(batchesOf(recordsAt(0, 36_000)), 10, clock, new AbortController().signal)) {
      if (batch.length === 0) empty += 1;
    }
    expect(Math.max(...clock.sleeps)).toBeLessThanOrEqual(SECOND);
    expect(empty).toBeGreaterThan(3_000);
  });

  it("ends when it is aborted, also while it waits, and lets go of the file", async () => {
    let closed = false;
    async function* file(): AsyncGenerator<ReplayRecord[], void, undefined> {
      try {
        yield recordsAt(0, 1_000);
        yield recordsAt(2_000);
      } finally {
        closed = true;
      }
    }
    const stopping = new AbortController();
    const clock = sleepingClock();
    const came: string[] = [];
    for await (const batch of paced(file(), 1, clock, stopping.signal)) {
      came.push(...batch.map(({ recordId }) => recordId));
      if (clock.time >= NOW + 3 * SECOND) stopping.abort();
    }
    expect(came).toEqual(["0"]);
    expect(clock.time).toBe(NOW + 3 * SECOND);
    expect(closed).toBe(true);
  });
});
