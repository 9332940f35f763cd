/**
 * Random appends, polls, commits and reopenings against a model: arrays of records and the positions of its readers.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { LogRecord, OutgoingRecord, PollLimits, SubscribeOptions, Subscription } from "../index.ts";
import { openEmbeddedLog } from "./index.ts";
import { partitionOf } from "./partitioner.ts";

const TOPICS = ["clicks", "checkouts"];
const PARTITIONS = 3;
const NOW = 1_700_000_000_000;

type Expected = Omit<LogRecord, "offset">;

type Step =
  | { readonly do: "append"; readonly topic: string; readonly records: readonly OutgoingRecord[] }
  | { readonly do: "poll"; readonly reader: number; readonly maxRecords: number; readonly maxBytes: number }
  | { readonly do: "commit"; readonly reader: number; readonly back: number }
  | { readonly do: "resubscribe"; readonly reader: number }
  | { readonly do: "reopen" };

const READERS: readonly Omit<SubscribeOptions, "topics">[] = [
  { group: "first", startFrom: "Earliest" },
  { group: "second", startFrom: "Latest" },
  { group: null, startFrom: "Earliest" },
  { group: null, startFrom: NOW + 50 },
];

const value = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 50_000, max: 300_000 }).map((bytes) => new Uint8Array(bytes).fill(bytes)) },
);
const outgoing: fc.Arbitrary<OutgoingRecord> = fc.record(
  {
    key: fc.option(fc.string({ unit: "grapheme", maxLength: 4 })),
    value,
    headers: fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
    timestamp: fc.integer({ min: NOW, max: NOW + 100 }),
  },
  { requiredKeys: ["key", "value"] },
);
const records = fc.oneof(
  { weight: 6, arbitrary: fc.array(outgoing, { maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: outgoing.chain((one) =>
      fc
        .nat(2_500)
        .map((count) =>
          Array<OutgoingRecord>(count).fill(one.value.length > 40 ? { ...one, value: one.value.subarray(0, 9) } : one),
        ),
    ),
  },
);
const reader = fc.nat(READERS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("append" as const), topic: fc.constantFrom(...TOPICS), records }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("poll" as const),
      reader,
      maxRecords: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constant(3_000)),
      maxBytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(1_000_000)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("commit" as const), reader, back: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("resubscribe" as const), reader }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
);

/** Positions by `topic/partition`. */
type Positions = Map<string, number>;

class Model {
  readonly partitions = new Map<string, Expected[]>();
  readonly committed = new Map<string, Positions>();
  readonly #turn = new Map<string, number>();

  constructor() {
    for (const topic of TOPICS) {
      for (let partition = 0; partition < PARTITIONS; partition++) this.partitions.set(`${topic}/${partition}`, []);
    }
  }

  reopen(): void {
    this.#turn.clear();
  }

  append(topic: string, appended: readonly OutgoingRecord[]): void {
    for (const { key, value, headers = {}, timestamp = NOW } of appended) {
      const turn = this.#turn.get(topic) ?? 0;
      const partition = key === null ? turn : partitionOf(key, PARTITIONS);
      if (key === null) this.#turn.set(topic, (turn + 1) % PARTITIONS);
      this.partitions.get(`${topic}/${partition}`)!.push({ topic, partition, key, value, headers, timestamp });
    }
  }

  start({ group, startFrom }: Omit<SubscribeOptions, "topics">): Positions {
    const positions: Positions = new Map();
    for (const [name, stored] of this.partitions) {
      const committed = group === null ? undefined : this.committed.get(group)?.get(name);
      const from = typeof startFrom === "number" ? stored.findIndex((record) => record.timestamp >= startFrom) : 0;
      const fresh = startFrom === "Latest" || from === -1 ? stored.length : from;
      positions.set(name, committed ?? fresh);
    }
    return positions;
  }

  /** Checks a poll against what is there from the positions on, and moves them. */
  polled(positions: Positions, got: readonly LogRecord[], { maxRecords, maxBytes }: PollLimits): void {
    const left = [...this.partitions].some(([name, stored]) => positions.get(name)! < stored.length);
    expect(got.length > 0).toBe(left);
    expect(got.length).toBeLessThanOrEqual(maxRecords);
    const bytes = got.reduce((sum, record) => sum + record.value.byteLength, 0);
    if (got.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
    for (const record of got) {
      const name = `${record.topic}/${record.partition}`;
      const offset = positions.get(name)!;
      const { value, ...rest } = record;
      const { value: expectedValue, ...expected } = this.partitions.get(name)![offset]!;
      expect(rest).toEqual({ ...expected, offset });
      expect(Buffer.compare(value, expectedValue)).toBe(0);
      positions.set(name, offset + 1);
    }
  }

  lag(group: string | null, start: Positions, positions: Positions): Positions {
    const lag: Positions = new Map();
    for (const [name, stored] of this.partitions) {
      const committed =
        group === null ? positions.get(name)! : (this.committed.get(group)?.get(name) ?? start.get(name)!);
      lag.set(name, stored.length - committed);
    }
    return lag;
  }
}

async function run(steps: readonly Step[]): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "activity-log-model-"));
  const open = (): ReturnType<typeof openEmbeddedLog> =>
    openEmbeddedLog({ path, partitions: PARTITIONS, now: () => NOW });
  const model = new Model();
  let log = await open();
  const subscribe = async (options: (typeof READERS)[number]) => ({
    subscription: await log.subscribe({ ...options, topics: TOPICS }),
    group: options.group,
    start: model.start(options),
    positions: model.start(options),
  });
  const subscribeAll = () => Promise.all(READERS.map(subscribe));
  let readers = await subscribeAll();
  try {
    for (const step of steps) {
      if (step.do === "append") {
        await log.append(step.topic, step.records);
        model.append(step.topic, step.records);
      } else if (step.do === "poll") {
        const limits: PollLimits = { maxRecords: step.maxRecords, maxBytes: step.maxBytes, waitMilliseconds: 0 };
        const { subscription, positions } = readers[step.reader]!;
        model.polled(positions, await subscription.poll(limits), limits);
      } else if (step.do === "commit") {
        const { subscription, group, positions } = readers[step.reader]!;
        if (group === null) continue;
        const commits = new Map([...positions].map(([name, offset]) => [name, Math.max(offset - step.back, 0)]));
        await commit(subscription, commits);
        model.committed.set(group, commits);
      } else if (step.do === "resubscribe") {
        await readers[step.reader]!.subscription.close();
        readers[step.reader] = await subscribe(READERS[step.reader]!);
      } else {
        await log.close();
        log = await open();
        model.reopen();
        readers = await subscribeAll();
      }
    }
    for (const { subscription, group, start, positions } of readers) {
      const lag = (await subscription.lag()).map(
        (of) => [`${of.topic}/${of.partition}`, of.endOffset - of.offset] as const,
      );
      expect(new Map(lag)).toEqual(model.lag(group, start, positions));
    }
  } finally {
    await log.close();
    rmSync(path, { recursive: true });
  }
}

async function commit(subscription: Subscription, offsets: Positions): Promise<void> {
  await subscription.commit(
    [...offsets].map(([name, offset]) => {
      const [topic = "", partition] = name.split("/");
      return { topic, partition: Number(partition), offset };
    }),
  );
}

it("does what the model does, whatever the order of steps", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), run), { numRuns: 25 });
}, 120_000);
