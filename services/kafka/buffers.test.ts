import fc from "fast-check";
import type { KafkaMessage } from "kafkajs";
import { describe, expect, it } from "vitest";
import { PartitionBuffers } from "./buffers.ts";

function message(offset: number, bytes: number): KafkaMessage {
  return { key: null, value: Buffer.alloc(bytes), timestamp: "0", attributes: 0, offset: `${offset}`, headers: {} };
}

const batches = fc.array(fc.record({ partition: fc.nat(4), sizes: fc.array(fc.nat(50), { maxLength: 20 }) }));
const limits = fc.record({ maxRecords: fc.integer({ min: 1, max: 30 }), maxBytes: fc.integer({ min: 1, max: 200 }) });

describe("buffered records", () => {
  it("come out once each, in order within their partition, within the limits, a larger one alone", () => {
    fc.assert(
      fc.property(batches, limits, (added, { maxRecords, maxBytes }) => {
        const buffers = new PartitionBuffers();
        const ends = new Map<number, number>();
        for (const { partition, sizes } of added) {
          const from = ends.get(partition) ?? 0;
          ends.set(partition, from + sizes.length);
          buffers.add(
            { topic: "t", partition },
            sizes.map((bytes, index) => message(from + index, bytes)),
          );
        }
        const seen = new Map<number, number>();
        for (;;) {
          const taken = buffers.take({ maxRecords, maxBytes, waitMilliseconds: 0 });
          if (taken.length === 0) break;
          expect(taken.length).toBeLessThanOrEqual(maxRecords);
          const bytes = taken.reduce((sum, { value }) => sum + value.byteLength, 0);
          if (taken.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
          for (const { partition, offset } of taken) {
            expect(offset).toBe(seen.get(partition) ?? 0);
            seen.set(partition, offset + 1);
          }
        }
        for (const [partition, end] of ends) {
          expect(seen.get(partition) ?? 0).toBe(end);
          expect(buffers.bytes({ topic: "t", partition })).toBe(0);
        }
      }),
    );
  });

  it("are shared out: a long partition does not hold up a short one", () => {
    const buffers = new PartitionBuffers();
    buffers.add(
      { topic: "long", partition: 0 },
      Array.from({ length: 1_000 }, (_, index) => message(index, 1)),
    );
    buffers.add({ topic: "short", partition: 0 }, [message(0, 1)]);
    const taken = buffers.take({ maxRecords: 100, maxBytes: 1_000, waitMilliseconds: 0 });
    expect(taken).toHaveLength(100);
    expect(taken.filter(({ topic }) => topic === "short")).toHaveLength(1);
  });

  it("of a partition that was taken away are gone", () => {
    const buffers = new PartitionBuffers();
    buffers.add({ topic: "t", partition: 0 }, [message(0, 1)]);
    buffers.drop({ topic: "t", partition: 0 });
    expect(buffers.take({ maxRecords: 10, maxBytes: 10, waitMilliseconds: 0 })).toEqual([]);
  });

  it("carry every header as text, of a repeated one the last", () => {
    const buffers = new PartitionBuffers();
    const headers = { one: Buffer.from("é"), two: [Buffer.from("first"), Buffer.from("last")], none: undefined };
    const sent: KafkaMessage = { key: null, value: null, timestamp: "0", attributes: 0, offset: "0", headers };
    buffers.add({ topic: "t", partition: 0 }, [sent]);
    const [record] = buffers.take({ maxRecords: 1, maxBytes: 10, waitMilliseconds: 0 });
    expect(record?.headers).toEqual({ one: "é", two: "last", none: "" });
  });
});
