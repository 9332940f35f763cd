import { expect, it } from "vitest";
import { type LivePartition, ReadBuffer } from "./read-buffer.ts";
import { SegmentWriter } from "./segment.ts";
import type { PackedRange } from "./store-calls.ts";

function partition(id: number, endOffset: number): LivePartition {
  return { id, topic: "t", partition: id, endOffset };
}

function range(partitionId: number, recordCount: number, bytes = 1): PackedRange {
  const writer = new SegmentWriter();
  for (let index = 0; index < recordCount; index++) writer.add({ key: null, value: new Uint8Array(bytes) }, 0);
  return { partitionId, baseOffset: 0, recordCount, records: writer.finish() };
}

const limits = (maxRecords: number, maxBytes = 1e9) => ({ maxRecords, maxBytes, waitMilliseconds: 0 });

function taken(buffer: ReadBuffer, maxRecords: number, maxBytes?: number): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const record of buffer.take(limits(maxRecords, maxBytes))) {
    counts[record.partition] = (counts[record.partition] ?? 0) + 1;
  }
  return counts;
}

it("takes from all partitions alike, and what one lacks from the others", () => {
  const buffer = new ReadBuffer([0, 1, 2].map((id) => ({ partition: partition(id, 100), offset: 0 })));
  buffer.add([range(0, 100), range(1, 100), range(2, 5)], []);
  expect(taken(buffer, 30)).toEqual({ 0: 13, 1: 12, 2: 5 });
});

it("gives the next poll to the partition whose record did not fit", () => {
  const buffer = new ReadBuffer([0, 1].map((id) => ({ partition: partition(id, 10), offset: 0 })));
  buffer.add([range(0, 10, 10), range(1, 1, 1_000)], []);
  expect(taken(buffer, 4, 100)).toEqual({ 0: 2 });
  expect(taken(buffer, 4, 100)).toEqual({ 1: 1 });
});

it("fetches first where nothing is at hand, and nothing when all is there", () => {
  const partitions = [partition(0, 10), partition(1, 10)];
  const buffer = new ReadBuffer(partitions.map((one) => ({ partition: one, offset: 0 })));
  buffer.add([range(0, 5)], []);
  expect(buffer.fetchFor(limits(3))?.positions).toEqual([{ partitionId: 1, offset: 0 }]);
  expect(buffer.fetchFor(limits(100))).toEqual({
    positions: [
      { partitionId: 1, offset: 0 },
      { partitionId: 0, offset: 5 },
    ],
    maxRecords: 95,
    maxBytes: 1e9,
  });
  buffer.add([range(1, 10)], [{ partitionId: 0, offset: 10 }]);
  expect(buffer.isBehind).toBe(false);
  expect(buffer.fetchFor(limits(100))).toBeNull();
});
