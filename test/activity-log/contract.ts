/**
 * What every implementation of the activity log promises, as tests.
 */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  ActivityLog,
  LogRecord,
  OutgoingRecord,
  PollLimits,
  SubscribeOptions,
  Subscription,
} from "../../services/activity-log/index.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const read = (record: LogRecord): string => new TextDecoder().decode(record.value);
const keyed = (key: string | null, ...values: string[]): OutgoingRecord[] =>
  values.map((value) => ({ key, value: text(value) }));

/** Generous: a poll that finds records returns at once, so only a failing test waits this long. */
const PATIENT: PollLimits = { maxRecords: 10_000, maxBytes: 64 * 1024 * 1024, waitMilliseconds: 10_000 };
/** Longer than a test may take: only an event can end such a poll. */
const ENDLESS: PollLimits = { ...PATIENT, waitMilliseconds: 600_000 };
const IMPATIENT: PollLimits = { ...PATIENT, waitMilliseconds: 100 };

/** Polls until so many records have come. */
async function take(subscription: Subscription, count: number, limits = PATIENT): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) {
    const polled = await subscription.poll(limits);
    if (polled.length === 0) throw new Error(`${records.length} of ${count} records came`);
    records.push(...polled);
  }
  return records;
}

/** What to commit when everything of it is done. */
function positionsAfter(records: readonly LogRecord[]): { topic: string; partition: number; offset: number }[] {
  const next = new Map<string, { topic: string; partition: number; offset: number }>();
  for (const { topic, partition, offset } of records) {
    next.set(`${topic}/${partition}`, { topic, partition, offset: offset + 1 });
  }
  return [...next.values()];
}

/**
 * @param open opens the same store each time; the suite has it open once at a time and uses topics and groups of
 *   its own in it
 */
export function describeActivityLog(name: string, open: () => Promise<ActivityLog>): void {
  describe(`${name} keeps the contract of the activity log`, () => {
    let log: ActivityLog;
    let topic: string;
    let group: string;

    beforeEach(async () => {
      log = await open();
      topic = `contract-${randomUUID()}`;
      group = `contract-${randomUUID()}`;
    });
    afterEach(() => log.close());

    const earliest = (options: Partial<SubscribeOptions> = {}): Promise<Subscription> =>
      log.subscribe({ group, topics: [topic], startFrom: "Earliest", ...options });

    it("hands out what was appended, to the byte", async () => {
      const sent: OutgoingRecord[] = [
        { key: "ключ", value: new Uint8Array([0, 255, 0xc3, 0x28, 10]), headers: { a: "1", "": "ü\n" }, timestamp: 5 },
        { key: "ключ", value: new Uint8Array(0), timestamp: 1_300_000_000_000 },
        { key: "ключ", value: text("x"), headers: {}, timestamp: 0 },
      ];
      await log.append(topic, sent);
      const records = await take(await earliest(), 3);
      expect(records).toEqual(
        sent.map((record, offset) => ({
          ...record,
          topic,
          partition: records[0]!.partition,
          offset,
          headers: record.headers ?? {},
        })),
      );
    });

    it("keeps an empty key apart from none", async () => {
      await log.append(topic, [...keyed("", "empty"), ...keyed(null, "none")]);
      const records = await take(await earliest(), 2);
      expect(new Map(records.map((record) => [read(record), record.key]))).toEqual(
        new Map([
          ["empty", ""],
          ["none", null],
        ]),
      );
    });

    it("gives a record without a timestamp the time of the append", async () => {
      const before = Date.now();
      await log.append(topic, keyed("a", "x"));
      const [record] = await take(await earliest(), 1);
      expect(record!.timestamp).toBeGreaterThanOrEqual(before);
      expect(record!.timestamp).toBeLessThanOrEqual(Date.now());
    });

    it("carries a record of 10 MB", async () => {
      const value = Uint8Array.from({ length: 10_000_000 }, (_, index) => (index * 31) % 251);
      await log.append(topic, [{ key: "big", value }]);
      const [record] = await take(await earliest(), 1);
      expect(Buffer.compare(record!.value, value)).toBe(0);
    });

    it("numbers each partition from 0 without gaps and keeps the order of a key", async () => {
      const keys = Array.from({ length: 40 }, (_, index) => `user-${index}`);
      for (let round = 0; round < 5; round++) {
        await log.append(
          topic,
          keys.flatMap((key) => keyed(key, `${round}`)),
        );
      }
      const records = await take(await earliest(), 200);
      for (const [, inPartition] of Map.groupBy(records, (record) => record.partition)) {
        expect(inPartition.map((record) => record.offset)).toEqual(inPartition.map((_, index) => index));
      }
      const byKey = Map.groupBy(records, (record) => record.key);
      expect(byKey.size).toBe(40);
      for (const [, ofKey] of byKey) {
        expect(ofKey.map(read)).toEqual(["0", "1", "2", "3", "4"]);
        expect(new Set(ofKey.map((record) => record.partition)).size).toBe(1);
      }
      expect(new Set(records.map((record) => record.partition)).size).toBeGreaterThan(1);
    });

    it("spreads records without a key", async () => {
      for (let index = 0; index < 100; index++) await log.append(topic, keyed(null, `${index}`));
      const records = await take(await earliest(), 100);
      expect(new Set(records.map((record) => record.partition)).size).toBeGreaterThan(1);
    });

    it("keeps each of many appends at once, in the order in which they were made", async () => {
      const appends = Array.from({ length: 300 }, (_, index) => log.append(topic, keyed("k", `${index}`)));
      await Promise.all(appends);
      const records = await take(await earliest(), 300);
      expect(records.map(read)).toEqual(appends.map((_, index) => `${index}`));
    });

    it("an append of nothing is nothing", async () => {
      await log.append(topic, []);
      expect(await (await earliest()).poll(IMPATIENT)).toEqual([]);
    });

    it("goes on at the committed offset, also after it was closed", async () => {
      await log.append(topic, keyed("k", "0", "1", "2", "3"));
      const first = await earliest();
      const [record] = await take(first, 1, { ...PATIENT, maxRecords: 1 });
      await take(first, 1, { ...PATIENT, maxRecords: 1 });
      await first.commit(positionsAfter([record!]));
      await first.close();
      const second = await earliest({ startFrom: "Latest" });
      expect((await take(second, 3)).map(read)).toEqual(["1", "2", "3"]);

      await log.close();
      log = await open();
      expect((await take(await earliest(), 3)).map(read)).toEqual(["1", "2", "3"]);
    });

    it("goes back when an earlier offset is committed", async () => {
      await log.append(topic, keyed("k", "0", "1", "2"));
      const first = await earliest();
      const records = await take(first, 3);
      await first.commit(positionsAfter(records));
      await first.commit(positionsAfter(records.slice(0, 1)));
      await first.close();
      expect((await take(await earliest(), 2)).map(read)).toEqual(["1", "2"]);
    });

    it("keeps groups and tails apart", async () => {
      await log.append(topic, keyed("k", "0", "1"));
      const first = await earliest();
      await first.commit(positionsAfter(await take(first, 2)));
      for (const other of [await earliest({ group: `${group}-other` }), await earliest({ group: null })]) {
        expect((await take(other, 2)).map(read)).toEqual(["0", "1"]);
      }
    });

    it("refuses a commit of a tail, and of a topic that was not subscribed", async () => {
      const tail = await earliest({ group: null });
      await expect(tail.commit([{ topic, partition: 0, offset: 0 }])).rejects.toThrow(Error);
      const grouped = await earliest();
      await expect(grouped.commit([{ topic: `${topic}-other`, partition: 0, offset: 0 }])).rejects.toThrow(Error);
    });

    it("begins at the latest: what comes after subscribing", async () => {
      await log.append(topic, keyed("k", "old"));
      const tail = await earliest({ group: null, startFrom: "Latest" });
      await log.append(topic, keyed("k", "new"));
      expect((await take(tail, 1)).map(read)).toEqual(["new"]);
    });

    it("begins at a time: the first record that is not older", async () => {
      const at = (timestamp: number): OutgoingRecord => ({ key: "k", value: text(`${timestamp}`), timestamp });
      await log.append(topic, [at(1_000), at(3_000), at(2_000)]);
      await log.append(topic, [at(4_000)]);
      const from = async (startFrom: number, count: number): Promise<string[]> =>
        (await take(await earliest({ group: null, startFrom }), count)).map(read);
      expect(await from(0, 4)).toEqual(["1000", "3000", "2000", "4000"]);
      expect(await from(2_000, 3)).toEqual(["3000", "2000", "4000"]);
      expect(await from(3_001, 1)).toEqual(["4000"]);
      const beyond = await earliest({ group: null, startFrom: 4_001 });
      await log.append(topic, [at(5_000)]);
      expect((await take(beyond, 1)).map(read)).toEqual(["5000"]);
    });

    it("wakes a waiting poll when a record comes", async () => {
      const tail = await earliest({ group: null });
      const polled = tail.poll(ENDLESS);
      await log.append(topic, keyed("k", "x"));
      expect((await polled).map(read)).toEqual(["x"]);
    });

    it("returns nothing when nothing came in time", async () => {
      const tail = await earliest({ group: null });
      expect(await tail.poll(IMPATIENT)).toEqual([]);
      expect(await tail.poll({ ...IMPATIENT, waitMilliseconds: 0 })).toEqual([]);
    });

    it("hands out at most maxRecords", async () => {
      await log.append(
        topic,
        Array.from({ length: 25 }, (_, index) => ({ key: `${index}`, value: text("x") })),
      );
      const tail = await earliest({ group: null });
      let records = 0;
      while (records < 25) {
        const polled = await tail.poll({ ...PATIENT, maxRecords: 10 });
        expect(polled.length).toBeGreaterThan(0);
        expect(polled.length).toBeLessThanOrEqual(10);
        records += polled.length;
      }
      expect(records).toBe(25);
    });

    it("hands out at most maxBytes, a larger record alone", async () => {
      const sizes = [40, 40, 40, 500, 40, 40, 500, 500, 40];
      await log.append(
        topic,
        sizes.map((size) => ({ key: "k", value: new Uint8Array(size) })),
      );
      const tail = await earliest({ group: null });
      const seen: number[] = [];
      while (seen.length < sizes.length) {
        const polled = (await tail.poll({ ...PATIENT, maxBytes: 100 })).map((record) => record.value.byteLength);
        expect(polled.length).toBeGreaterThan(0);
        if (polled.length > 1) expect(polled.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(100);
        seen.push(...polled);
      }
      expect(seen).toEqual(sizes);
    });

    it("a long backlog in one topic does not hold up another", async () => {
      const quiet = `${topic}-quiet`;
      const backlog = Array.from({ length: 20_000 }, () => ({ key: "busy", value: new Uint8Array(100) }));
      await log.append(topic, backlog);
      await log.append(quiet, keyed("k", "x"));
      const both = await earliest({ group: null, topics: [topic, quiet] });
      const seen: string[] = [];
      for (let poll = 0; poll < 20 && !seen.includes(quiet); poll++) {
        seen.push(...(await both.poll({ ...PATIENT, maxRecords: 100 })).map((record) => record.topic));
      }
      expect(seen).toContain(quiet);
    });

    it("tells the lag of a group from what it committed, and of a tail from what it read", async () => {
      await log.append(topic, keyed("k", "0", "1", "2"));
      const behind = (lag: readonly { offset: number; endOffset: number }[]): number =>
        lag.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0);
      const grouped = await earliest();
      const records = await take(grouped, 3);
      expect(behind(await grouped.lag())).toBe(3);
      await grouped.commit(positionsAfter(records.slice(0, 2)));
      expect(behind(await grouped.lag())).toBe(1);

      const tail = await earliest({ group: null });
      expect(behind(await tail.lag())).toBe(3);
      await take(tail, 3);
      expect(behind(await tail.lag())).toBe(0);
      await log.append(topic, keyed("k", "3"));
      expect(behind(await tail.lag())).toBe(1);
    });

    it("close ends a waiting poll, and refuses what comes later", async () => {
      const tail = await earliest({ group: null });
      const closing = tail.poll(ENDLESS);
      await tail.lag();
      await tail.close();
      expect(await closing).toEqual([]);
      await expect(tail.poll(PATIENT)).rejects.toThrow(Error);

      const other = (await earliest({ group: null })).poll(ENDLESS);
      await log.close();
      expect(await other).toEqual([]);
      await expect(log.append(topic, keyed("k", "x"))).rejects.toThrow(Error);
    });

    it("close waits for appends under way", async () => {
      const appends = Array.from({ length: 20 }, (_, index) => log.append(topic, keyed("k", `${index}`)));
      await log.close();
      await Promise.all(appends);
      log = await open();
      expect(await take(await earliest(), 20)).toHaveLength(20);
    });
  });
}
