import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SegmentWriter } from "./segment.ts";
import { SegmentStore } from "./store.ts";
import type { PackedSegment } from "./store-calls.ts";

let path: string;
let store: SegmentStore;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "segment-store-"));
  store = new SegmentStore(join(path, "log.sqlite"), {});
});
afterEach(() => {
  store.close();
  rmSync(path, { recursive: true });
});

function segment(partitionId: number, recordCount: number, bytes: number): PackedSegment {
  const writer = new SegmentWriter();
  for (let index = 0; index < recordCount; index++) writer.add({ key: null, value: new Uint8Array(bytes) }, 0);
  return { partitionId, recordCount, maxTimestamp: writer.maxTimestamp, records: writer.finish() };
}

function append(...segments: PackedSegment[]): void {
  store.write({ segments, commits: [], now: 0 });
}

it("fetches in turn from each partition, and stops at the segment that reaches a limit", () => {
  const [a, b] = store.createTopic({ topic: "t", partitions: 2 }).map(({ id }) => id) as [number, number];
  for (let write = 0; write < 5; write++) append(segment(a, 10, 100), segment(b, 10, 100));
  const positions = [
    { partitionId: a, offset: 5 },
    { partitionId: b, offset: 0 },
  ];
  const counts = (maxRecords: number, maxBytes: number): number[][] =>
    store
      .fetch({ positions, maxRecords, maxBytes })
      .ranges.map(({ partitionId, baseOffset, recordCount }) => [partitionId, baseOffset, recordCount]);
  expect(counts(1, 1e6)).toEqual([[a, 0, 10]]);
  expect(counts(6, 1e6)).toEqual([
    [a, 0, 10],
    [b, 0, 10],
  ]);
  expect(counts(16, 1e6)).toEqual([
    [a, 0, 20],
    [b, 0, 10],
  ]);
  expect(counts(1_000, 1)).toEqual([[a, 0, 10]]);
  expect(counts(1_000, 1e6)).toEqual([
    [a, 0, 50],
    [b, 0, 50],
  ]);
});

it("does not write again to a topic that is there", () => {
  const made = store.createTopic({ topic: "t", partitions: 2 });
  append(segment(made[0]!.id, 3, 1));
  expect(store.createTopic({ topic: "t", partitions: 5 }).map(({ id, endOffset }) => [id, endOffset])).toEqual([
    [made[0]!.id, 3],
    [made[1]!.id, 0],
  ]);
});
