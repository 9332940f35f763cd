import fc from "fast-check";
import { expect, it } from "vitest";
import type { OutgoingRecord } from "../index.ts";
import { checkRecord, SegmentReader, SegmentWriter } from "./segment.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const record: fc.Arbitrary<OutgoingRecord> = fc.record(
  {
    key: fc.option(text),
    value: fc.uint8Array({ maxLength: 5_000 }),
    headers: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
    timestamp: fc.maxSafeInteger(),
  },
  { requiredKeys: ["key", "value"] },
);

function pack(records: readonly OutgoingRecord[], now: number): Uint8Array {
  const writer = new SegmentWriter();
  for (const one of records) writer.add(one, now);
  expect(writer.recordCount).toBe(records.length);
  return writer.finish();
}

it("reads what was packed, also when runs are joined", () => {
  fc.assert(
    fc.property(fc.array(record), fc.array(record), fc.nat(), (first, second, base) => {
      const joined = Buffer.concat([pack(first, 42), pack(second, 42)]);
      const records = [...first, ...second];
      const reader = new SegmentReader(joined, base, records.length);
      for (const [index, { key, value, headers = {}, timestamp = 42 }] of records.entries()) {
        expect(reader.valueBytes).toBe(value.byteLength);
        const offset = base + index;
        expect(reader.next("t", 3)).toEqual({ topic: "t", partition: 3, offset, key, value, headers, timestamp });
      }
      expect(reader.remaining).toBe(0);
    }),
  );
});

it("skips to any record", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1 }), fc.nat(), (records, seed) => {
      const index = seed % records.length;
      const reader = new SegmentReader(pack(records, 42), 100, records.length);
      while (reader.offset < 100 + index) reader.skip();
      expect(reader.next("t", 0).value).toEqual(records[index]!.value);
    }),
  );
});

it("knows the latest timestamp and when it is full", () => {
  const writer = new SegmentWriter();
  for (const timestamp of [5, 9, 7]) writer.add({ key: null, value: new Uint8Array(1), timestamp }, 0);
  expect(writer.maxTimestamp).toBe(9);
  expect(writer.isFull).toBe(false);
  writer.add({ key: null, value: new Uint8Array(300_000) }, 0);
  expect(writer.isFull).toBe(true);
});

it.each([[Number.NaN], [0.5], [Number.POSITIVE_INFINITY]])("refuses the timestamp %s", (timestamp) => {
  expect(() => checkRecord({ key: null, value: new Uint8Array(0), timestamp })).toThrow(/timestamp/);
});
