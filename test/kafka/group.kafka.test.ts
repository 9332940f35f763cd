import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, it } from "vitest";
import type { LogRecord } from "../../services/activity-log/index.ts";
import type { KafkaSubscription } from "../../services/kafka/index.ts";
import { describeKafka, numbered, numberOf, openLog, PATIENT, positionsAfter } from "./suite.ts";

let topic: string;
let group: string;

beforeEach(() => {
  topic = `group-${randomUUID()}`;
  group = topic;
});

const member = () => ({ group, topics: [topic], startFrom: "Earliest" }) as const;

async function takeAll(subscription: KafkaSubscription, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) records.push(...(await subscription.poll(PATIENT)));
  return records;
}

async function committed(subscription: KafkaSubscription): Promise<Map<number, number>> {
  return new Map((await subscription.lag()).map(({ partition, offset }) => [partition, offset]));
}

describeKafka("members of a group", () => {
  it("a position of a partition that another member got is not committed", async () => {
    const first = openLog();
    await first.append(topic, numbered(0, 1_000));
    const before = await first.subscribe(member());
    const polled = await takeAll(before, 1_000);

    const second = openLog();
    const after = await second.subscribe(member());
    await expect.poll(() => before.status().partitions).toBe(2);
    await before.commit(positionsAfter(polled));

    expect(first.events.filter(({ kind }) => kind === "commit_fenced")).toEqual([
      { kind: "commit_fenced", group, positions: 2 },
    ]);
    const offsets = await committed(before);
    const again = await takeAll(
      after,
      [...(await ends(after))].filter(([p]) => offsets.get(p) === 0).reduce((s, [, e]) => s + e, 0),
    );
    const moved = new Set(again.map(({ partition }) => partition));
    expect(moved.size).toBe(2);
    for (const [partition, offset] of offsets) expect(offset === 0).toBe(moved.has(partition));
    // What the first member kept, it goes on with: nothing comes twice.
    await first.append(topic, numbered(1_000, 100));
    const fresh = await before.poll(PATIENT);
    expect(Math.min(...fresh.map(numberOf))).toBeGreaterThanOrEqual(1_000);
  });

  it("come and go during a load: nothing is lost, and every record is committed", async () => {
    const count = 40_000;
    const stored = new Map<number, number>();
    const sender = openLog({ topicDefaults: { partitions: 8, replicationFactor: 1 } });
    await sender.append(topic, numbered(0, 1));
    let sent = 1;
    const sending = (async () => {
      for (; sent < count; sent += 500) await sender.append(topic, numbered(sent, Math.min(500, count - sent)));
    })();

    /** @param dies takes records and is gone before they are stored */
    const run = async (until: () => boolean, dies = false) => {
      const log = openLog();
      const subscription = await log.subscribe(member());
      while (!until()) {
        const records = await subscription.poll({ ...PATIENT, maxRecords: 500, waitMilliseconds: 100 });
        if (dies && records.length > 0) break;
        await sleep(5);
        for (const record of records) stored.set(numberOf(record), (stored.get(numberOf(record)) ?? 0) + 1);
        await subscription.commit(positionsAfter(records));
      }
      await log.close();
      return log.events;
    };
    const past = (part: number) => () => stored.size >= count * part;
    const all = past(1);
    const events = await Promise.all([
      run(all),
      run(past(0.4)),
      (async () => {
        while (!past(0.2)()) await sleep(20);
        return [...(await run(() => false, true)), ...(await run(past(0.7)))];
      })(),
    ]);
    await sending;
    const repeats = [...stored.values()].reduce((sum, times) => sum + times - 1, 0);
    const fenced = events.flat().filter(({ kind }) => kind === "commit_fenced").length;
    console.log(
      `sent ${count}, stored ${stored.size}, lost ${count - stored.size}, again ${repeats}, commits fenced ${fenced}`,
    );
    expect(stored.size).toBe(count);
    // Whoever comes next finds at most the last batch of each member, which was on its way.
    const reader = await openLog().subscribe(member());
    const lag = await reader.lag();
    expect(lag.reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0)).toBeLessThanOrEqual(1_000);
  });

  it("a member whose caller is busy for longer than a session keeps its partitions", async () => {
    const log = openLog();
    await log.append(topic, numbered(0, 1_000));
    const subscription = await log.subscribe(member());
    const polled = await takeAll(subscription, 1_000);
    await sleep(31_000);
    await subscription.commit(positionsAfter(polled));
    expect(log.events.map(({ kind }) => kind)).toEqual(["rejoined"]);
    expect([...(await committed(subscription))].reduce((sum, [, offset]) => sum + offset, 0)).toBe(1_000);
  });
});

async function ends(subscription: KafkaSubscription): Promise<Map<number, number>> {
  return new Map((await subscription.lag()).map(({ partition, endOffset }) => [partition, endOffset]));
}
