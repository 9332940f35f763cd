import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeActivityLog } from "../../../test/activity-log/contract.ts";
import type { LogRecord, OutgoingRecord, Subscription } from "../index.ts";
import { type EmbeddedLog, type EmbeddedLogOptions, LogFolderHeldError, openEmbeddedLog } from "./index.ts";

const NOW = { maxRecords: 1_000_000, maxBytes: 2 ** 30, waitMilliseconds: 0 };

let path: string;
let log: EmbeddedLog | null = null;

async function open(options: Partial<EmbeddedLogOptions> = {}): Promise<EmbeddedLog> {
  log = await openEmbeddedLog({ path, ...options });
  return log;
}

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "activity-log-"));
});
afterEach(async () => {
  await log?.close();
  log = null;
  rmSync(path, { recursive: true });
});

describeActivityLog("the embedded log", () => open());

function values(count: number, bytes: number, key = "k"): OutgoingRecord[] {
  return Array.from({ length: count }, () => ({ key, value: new Uint8Array(bytes) }));
}

async function readAll(subscription: Subscription): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (;;) {
    const polled = await subscription.poll(NOW);
    if (polled.length === 0) return records;
    records.push(...polled);
  }
}

describe("opening", () => {
  it("refuses a folder that is held, and says by whom", async () => {
    await open();
    const refused = await openEmbeddedLog({ path }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LogFolderHeldError);
    expect(refused).toMatchObject({ code: "folder_held", path, holder: { pid: process.pid } });
    expect((refused as Error).message).toContain(`process ${process.pid}`);
  });

  it("keeps a topic's partitions when the default changes", async () => {
    await (await open({ partitions: 2 })).append("old", values(1, 1));
    await log?.close();
    const again = await open({ partitions: 3 });
    const tail = await again.subscribe({ group: null, topics: ["old", "new"], startFrom: "Earliest" });
    const partitions = Map.groupBy(await tail.lag(), (lag) => lag.topic);
    expect([...partitions].map(([topic, of]) => [topic, of.length])).toEqual([
      ["old", 2],
      ["new", 3],
    ]);
  });

  it("refuses a second subscription of a group until the first is closed", async () => {
    const opened = await open();
    const options = { group: "g", topics: ["t"], startFrom: "Earliest" } as const;
    const first = await opened.subscribe(options);
    await expect(opened.subscribe(options)).rejects.toMatchObject({ code: "group_in_use" });
    await first.close();
    await opened.subscribe(options);
  });
});

describe("group commit", () => {
  it("joins appends and commits of the same moment in few transactions", async () => {
    const opened = await open();
    const reader = await opened.subscribe({ group: "g", topics: ["t"], startFrom: "Earliest" });
    await opened.append("t", values(1, 10));
    const before = (await opened.stats()).transactions;
    await Promise.all([
      ...Array.from({ length: 1_000 }, () => opened.append("t", values(1, 200))),
      reader.commit([{ topic: "t", partition: 0, offset: 0 }]),
    ]);
    expect((await opened.stats()).transactions - before).toBeLessThanOrEqual(3);
  });

  it("admits appends in order when more is pending than memory may hold", async () => {
    const opened = await open({ partitions: 1 });
    const large = new Uint8Array(30 * 1024 * 1024);
    const settled: number[] = [];
    await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        opened.append("t", [{ key: `${index}`, value: large }]).then(() => settled.push(index)),
      ),
    );
    expect(settled).toEqual([0, 1, 2, 3, 4, 5]);
    const reader = await opened.subscribe({ group: null, topics: ["t"], startFrom: "Earliest" });
    expect((await readAll(reader)).map((record) => record.key)).toEqual(["0", "1", "2", "3", "4", "5"]);
  });

  it("refuses a record that it could not give back as it was, and then nothing of the append is there", async () => {
    const opened = await open();
    const bad = { key: "k", value: new Uint8Array(1), timestamp: 1.5 };
    await expect(opened.append("t", [...values(1, 1), bad])).rejects.toMatchObject({ code: "invalid_record" });
    expect(await readAll(await opened.subscribe({ group: null, topics: ["t"], startFrom: "Earliest" }))).toEqual([]);
  });
});

describe("retention", () => {
  it("by size deletes the oldest, renumbers nothing and uses the space again", async () => {
    const maxBytes = 2 * 1024 * 1024;
    const opened = await open({ partitions: 1, retention: { maxBytes } });
    const reader = await opened.subscribe({ group: "g", topics: ["t"], startFrom: "Earliest" });
    for (let round = 0; round < 200; round++) await opened.append("t", values(500, 200));
    await opened.enforceRetention();

    const { storedBytes, fileBytes } = await opened.stats();
    expect(storedBytes).toBeLessThanOrEqual(maxBytes);
    expect(storedBytes).toBeGreaterThan(maxBytes / 2);
    expect(fileBytes).toBeLessThan(3 * maxBytes);

    const [lag] = await reader.lag();
    const records = await readAll(reader);
    expect(records.at(-1)?.offset).toBe(200 * 500 - 1);
    expect(records.map((record) => record.offset)).toEqual(records.map((_, index) => records[0]!.offset + index));
    expect(lag).toEqual({ topic: "t", partition: 0, offset: records[0]!.offset, endOffset: 100_000 });
  });

  it("shares the transaction of the append that makes room necessary", async () => {
    const opened = await open({ partitions: 1, retention: { maxBytes: 100_000 } });
    await opened.append("t", values(1, 100_000));
    const before = (await opened.stats()).transactions;
    for (let round = 0; round < 50; round++) await opened.append("t", values(10, 1_000));
    await opened.enforceRetention();
    const { transactions, storedBytes } = await opened.stats();
    expect(storedBytes).toBeLessThanOrEqual(100_000);
    expect(transactions - before).toBeLessThanOrEqual(50 + 1);
  });

  it("by age counts from the append, not from the record's own time", async () => {
    let now = 1_700_000_000_000;
    const opened = await open({ partitions: 1, retention: { maxAgeMilliseconds: 1_000 }, now: () => now });
    const old = (value: number): OutgoingRecord => ({ key: "k", value: new Uint8Array([value]), timestamp: 7 });
    await opened.append("t", [old(0)]);
    now += 900;
    await opened.append("t", [old(1)]);
    await opened.append("t", [old(2)]);
    const present = async (): Promise<number[]> =>
      (await readAll(await opened.subscribe({ group: null, topics: ["t"], startFrom: "Earliest" }))).map(
        (record) => record.value[0]!,
      );
    await opened.enforceRetention();
    expect(await present()).toEqual([0, 1, 2]);
    now += 200;
    await opened.enforceRetention();
    expect(await present()).toEqual([1, 2]);
  });

  it("a group whose committed offset is gone goes on at the oldest record present", async () => {
    let now = 1_000;
    const opened = await open({ partitions: 1, retention: { maxAgeMilliseconds: 100 }, now: () => now });
    await opened.append("t", values(10, 1));
    const options = { group: "g", topics: ["t"], startFrom: "Latest" } as const;
    const first = await opened.subscribe(options);
    await first.commit([{ topic: "t", partition: 0, offset: 3 }]);
    await first.close();
    now += 1_000;
    await opened.append("t", values(2, 1));
    await opened.append("t", values(1, 1));
    await opened.enforceRetention();
    const again = await opened.subscribe(options);
    expect((await readAll(again)).map((record) => record.offset)).toEqual([10, 11, 12]);
  });

  it("a reader that was overtaken while it slept goes on, also where its partition was emptied", async () => {
    let now = 1_000;
    const opened = await open({ partitions: 1, retention: { maxAgeMilliseconds: 100 }, now: () => now });
    const reader = await opened.subscribe({ group: null, topics: ["emptied", "other"], startFrom: "Earliest" });
    await opened.append("emptied", values(5, 1));
    now += 1_000;
    await opened.append("other", values(1, 1));
    await opened.enforceRetention();
    expect((await readAll(reader)).map((record) => record.topic)).toEqual(["other"]);
    await opened.append("emptied", values(1, 1));
    expect(await readAll(reader)).toMatchObject([{ topic: "emptied", offset: 5 }]);
    expect((await reader.lag()).map(({ offset, endOffset }) => endOffset - offset)).toEqual([0, 0]);
  });
});

describe("when the file's thread ends unexpectedly", () => {
  it("rejects everything under way and everything later", async () => {
    const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
    const opened = await open();
    const worker = await started;
    const reader = await opened.subscribe({ group: null, topics: ["t"], startFrom: "Earliest" });
    const poll = reader.poll({ ...NOW, waitMilliseconds: 60_000 });
    const append = opened.append("t", values(1, 10_000_000));
    const failed = { code: "worker_failed", message: expect.stringContaining(path) };
    const expectations = [expect(poll).rejects.toMatchObject(failed), expect(append).rejects.toMatchObject(failed)];
    await worker.terminate();
    await Promise.all(expectations);
    await expect(opened.append("t", values(1, 1))).rejects.toMatchObject(failed);
    await expect(reader.poll(NOW)).rejects.toMatchObject(failed);
    await opened.close();
    await (await open()).append("t", values(1, 1));
  });
});
