import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../test/fixtures/consumer.ts";
import { type EmbeddedLog, openEmbeddedLog } from "../activity-log/embedded/index.ts";
import { RECORD_ID_HEADER, type Subscription } from "../activity-log/index.ts";
import { parseResource } from "../cli/resource.ts";
import { countTopics, type DataFolder, type EmbeddedPipeline, openDataFolder, openPipeline } from "../local/index.ts";
import { createShop, FORMATS, type FormatName, writeUciParquet } from "../simulation/index.ts";
import { type Clock, openReplaySource, type ReplaySource, type ReplayTarget, replay } from "./index.ts";

const clock: Clock = { now: Date.now, sleep: (milliseconds) => delay(milliseconds) };
const running = new AbortController().signal;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-replay-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a replay into a log", () => {
  const TOPIC = "clicks";
  const RECORDS = 150_000;
  let log: EmbeddedLog;
  let reader: Subscription;
  let file: ReplaySource;
  let target: ReplayTarget;

  beforeEach(async () => {
    log = await openEmbeddedLog({ path: mkdtempSync(join(folder, "log-")) });
    reader = await log.subscribe({ group: "shop", topics: [TOPIC, "other"], startFrom: "Earliest" });
    target = {
      addTopics: async () => {},
      append: (topic, records) => log.append(topic, records),
      lag: () => reader.lag(),
    };
    file = {
      format: "seed",
      topics: [{ name: TOPIC, record: "Event" }],
      records: RECORDS,
      async *batches(size) {
        for (let row = 0; row < RECORDS; row += size) {
          yield Array.from({ length: Math.min(size, RECORDS - row) }, (_, index) => ({
            topic: TOPIC,
            key: String(index % 7),
            value: Buffer.from("{}"),
            recordId: `file#${row + index + 1}`,
            occurredAt: null,
          }));
        }
      },
      close: async () => {},
    };
  });

  afterEach(() => log.close());

  /** Reads and commits all that is in the log now. @returns the identities of the records */
  async function store(): Promise<string[]> {
    const stored: string[] = [];
    for (;;) {
      const records = await reader.poll({ maxRecords: 50_000, maxBytes: 2 ** 30, waitMilliseconds: 0 });
      if (records.length === 0) return stored;
      stored.push(...records.map(({ headers }) => headers[RECORD_ID_HEADER] ?? ""));
      await reader.commit(records.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset + 1 })));
    }
  }

  async function waiting(): Promise<number> {
    return (await reader.lag()).reduce((sum, { offset, endOffset }) => sum + endOffset - offset, 0);
  }

  it("stops filling the log when too much of it is not stored, and goes on when it is", async () => {
    const stored: string[] = [];
    const seen: number[] = [];
    // Whoever stores looks only after the replay has stopped by itself.
    let looks = 0;
    const patient: Clock = {
      now: Date.now,
      async sleep() {
        looks += 1;
        seen.push(await waiting());
        if (looks % 3 === 0) stored.push(...(await store()));
      },
    };
    const replayed = await replay(file, target, { speed: null, onProgress: () => {}, clock: patient, signal: running });
    expect(replayed).toEqual({ sent: RECORDS, left: 0 });
    expect(stored).toHaveLength(RECORDS);
    expect(new Set(stored).size).toBe(RECORDS);
    expect(seen.slice(0, 3)).toEqual([102_000, 102_000, 102_000]);
    expect(Math.max(...seen)).toBe(102_000);
  });

  it("ends when its own records are stored, however much else arrives meanwhile", async () => {
    const busy: Clock = {
      now: Date.now,
      async sleep() {
        await store();
        await log.append("other", [{ key: null, value: Buffer.from("{}") }]);
      },
    };
    await log.append("other", [{ key: null, value: Buffer.from("{}") }]);
    const replayed = await replay(file, target, { speed: null, onProgress: () => {}, clock: busy, signal: running });
    expect(replayed.sent).toBe(RECORDS);
    expect(await waiting()).toBe(1);
  });

  it("sends no more once it is aborted, waits until what was sent is stored, and says what is left", async () => {
    const stopping = new AbortController();
    const stored: string[] = [];
    const storing: Clock = {
      now: Date.now,
      async sleep() {
        stopping.abort();
        stored.push(...(await store()));
      },
    };
    const progress: number[] = [];
    const replayed = await replay(file, target, {
      speed: null,
      onProgress: (done) => void progress.push(done),
      clock: storing,
      signal: stopping.signal,
    });
    expect(replayed).toEqual({ sent: 102_000, left: 48_000 });
    expect(stored).toHaveLength(102_000);
    expect(progress.at(-1)).toBe(102_000);
  });

  it("fails when the consumer has ended: nobody would store the rest", async () => {
    const ended = { ...target, lag: () => Promise.reject(new Error("the consumer has ended")) };
    const attempt = replay(file, ended, { speed: null, onProgress: () => {}, clock, signal: running });
    await expect(attempt).rejects.toThrow("the consumer has ended");
  });
});

describe("a replay into a pipeline", () => {
  const RESOURCE = `
apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata: { name: shop }
spec:
  source: { kafka: { bootstrapServers: [kafka:9092] } }
  sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: clickhouse } } } }
  collector: {}
`;
  const BROKEN = ["{", "[1]", '{"click_id": 1, "type": "track", "session": 1, "events": [{}]}', "\u0000"];
  let dataFolder: DataFolder;
  let pipeline: EmbeddedPipeline;

  beforeAll(async () => {
    dataFolder = openDataFolder(join(folder, "pipeline"));
    const resource = parseResource(RESOURCE, "the test's resource");
    pipeline = await openPipeline({ pipeline: resource, folder: dataFolder, logger: silent, now: Date.now });
  });

  afterAll(async () => {
    await pipeline.close();
    dataFolder.release();
  });

  /** @returns the file, and how many events it holds: a record of OTTO or Segment may hold several */
  async function simulated(format: FormatName, broken: readonly string[]): Promise<{ path: string; events: number }> {
    const shop = createShop({ seed: 3, items: 120, shoppers: 80, start: Date.UTC(2024, 0, 1) });
    const accepted = [];
    for (const event of shop.events()) {
      if (FORMATS[format].accepts(event)) accepted.push(event);
      if (accepted.length === 1_200) break;
    }
    const lines = [...FORMATS[format].lines(accepted), ...broken];
    const path = join(folder, `${format}.data`);
    await writeFile(path, lines.map((line) => `${line}\n`).join(""));
    if (format !== "uci") return { path, events: accepted.length };
    await writeUciParquet(pipeline.clickhouse, path, `${path}.parquet`);
    return { path: `${path}.parquet`, events: accepted.length };
  }

  async function replayFile(path: string) {
    const source = await openReplaySource(path, "auto", { engine: pipeline.clickhouse });
    try {
      const { sent } = await replay(source, pipeline, { speed: null, onProgress: () => {}, clock, signal: running });
      const counts = await countTopics(
        pipeline.clickhouse,
        source.topics.map(({ name }) => name),
      );
      return {
        sent,
        events: counts.reduce((sum, row) => sum + row.events, 0),
        deadLetters: counts.reduce((sum, row) => sum + row.deadLetters, 0),
      };
    } finally {
      await source.close();
    }
  }

  it.each(["seed", "segment", "retailrocket", "uci", "otto"] as const)(
    "stores each event of %s once, also when it is sent again, and each broken record as a dead letter",
    async (format) => {
      const broken = format === "uci" ? [] : BROKEN;
      const { path, events } = await simulated(format, broken);
      const first = await replayFile(path);
      expect(first).toMatchObject({ events, deadLetters: broken.length });
      expect(await replayFile(path)).toEqual(first);
    },
  );

  it("is read by the mapping of the file, when an earlier file gave its topic another one", async () => {
    const shortened = join(folder, "shortened.csv");
    const published = join(folder, "published.csv");
    await writeFile(shortened, "timestamp_s,user,event,item\n1704067200,7,view,3\n");
    await writeFile(published, "timestamp,visitorid,event,itemid,transactionid\n1704067200123,9,view,5,\n");
    const before = await replayFile(shortened);
    const after = await replayFile(published);
    expect(after).toMatchObject({ events: before.events + 1, deadLetters: before.deadLetters });
    expect(await replayFile(shortened)).toEqual({ ...after, sent: 1 });
  });
});
