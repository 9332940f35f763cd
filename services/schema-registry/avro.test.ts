import avro from "avsc";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileAvro } from "./avro.ts";
import { UndecodableError } from "./undecodable.ts";

const json = (schema: unknown) => JSON.stringify(schema);
const record = (fields: Readonly<Record<string, unknown>>, more: object = {}) => ({
  type: "record",
  name: "Click",
  ...more,
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
});

/** Longs as BigInt, so that the independent encoder can write every one of them. */
const bigLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

function written(schema: unknown, value: unknown): Buffer {
  const type = avro.Type.forSchema(schema as avro.Schema, {
    wrapUnions: "always" as never,
    registry: { long: bigLong },
    typeHook: (part) =>
      (typeof part === "object" && "type" in part && part.type === "long" ? bigLong : undefined) as never,
  });
  return type.toBuffer(value);
}

/** What another library wrote, as ours reads it. */
const roundTrip = (schema: unknown, value: unknown) => compileAvro(json(schema))(written(schema, value));

describe("Avro records", () => {
  it("become what their JSON would be", () => {
    const schema = record({
      id: "string",
      quantity: "int",
      price: "double",
      weight: "float",
      gift: "boolean",
      nothing: "null",
      tags: { type: "array", items: "string" },
      stock: { type: "map", values: "int" },
      kind: { type: "enum", name: "Kind", symbols: ["VIEW", "PURCHASE"] },
      raw: "bytes",
      product: record({ sku: "string" }, { name: "Product", namespace: "shop" }),
    });
    const value = {
      id: "c1",
      quantity: -3,
      price: 12.5,
      weight: 9.99,
      gift: true,
      nothing: null,
      tags: ["a", "ü", ""],
      stock: { berlin: 2, __proto: 1 },
      kind: "PURCHASE",
      raw: Buffer.from([0, 255]),
      product: { sku: "teapot" },
    };
    expect(roundTrip(schema, value)).toEqual({ ...value, raw: "AP8=" });
  });

  it("keep every digit of a 64-bit integer", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (id) => {
        const { id: read } = roundTrip(record({ id: "long" }), { id }) as { id: number | string };
        expect(String(read)).toBe(String(id));
        expect(typeof read).toBe(Number.isSafeInteger(Number(id)) ? "number" : "string");
      }),
    );
  });

  it("have no trace of a union's branch, also of one whose branches look alike", () => {
    const schema = record({ user: ["null", "string"], price: ["int", "double", { type: "map", values: "string" }] });
    expect(roundTrip(schema, { user: { string: "ann" }, price: { double: 1.5 } })).toEqual({ user: "ann", price: 1.5 });
    expect(roundTrip(schema, { user: null, price: { map: { a: "b" } } })).toEqual({ user: null, price: { a: "b" } });
  });

  it.each([
    ["timestamp-millis", "long", 1_767_225_600_123n, 1_767_225_600_123],
    ["timestamp-micros", "long", 1_767_225_600_123_456n, 1_767_225_600_123],
    ["timestamp-nanos", "long", 1_767_225_600_123_456_789n, 1_767_225_600_123],
    ["timestamp-micros", "long", -1n, -1],
    ["local-timestamp-micros", "long", 1_767_225_600_123_456n, "2026-01-01T00:00:00.123"],
    ["date", "int", 20_454, "2026-01-01"],
    ["date", "int", 2_147_483_647, null],
    ["uuid", "string", "0b5f", "0b5f"],
    ["unknown", "long", 5n, 5],
  ])("%s of %s: %s is read as %s", (logicalType, type, value, expected) => {
    const schema = record({ at: { type, logicalType } });
    expect(compileAvro(json(schema))(written(record({ at: type }), { at: value }))).toEqual({ at: expected });
  });

  it.each([
    [[0x04, 0xe2], 2, "12.50"],
    [[0xff, 0xfb], 2, "-0.05"],
    [[0x05], 3, "0.005"],
    [[0x2a], 0, "42"],
    [[], 2, "0.00"],
  ])("a decimal %j of scale %i is %s", (bytes, scale, expected) => {
    const schema = { type: "bytes", logicalType: "decimal", precision: 10, scale };
    expect(compileAvro(json(schema))(written("bytes", Buffer.from(bytes)))).toBe(expected);
  });

  it("a UUID in sixteen bytes is its text", () => {
    const schema = { type: "fixed", name: "Id", size: 16, logicalType: "uuid" };
    const bytes = Buffer.from("00112233445566778899aabbccddeeff", "hex");
    expect(compileAvro(json(schema))(bytes)).toBe("00112233-4455-6677-8899-aabbccddeeff");
  });

  it("may hold types of their own kind, of other schemas, and by names of another namespace", () => {
    const money = json(record({ amount: "double" }, { name: "Money", namespace: "shop.types" }));
    const node = record(
      { price: "shop.types.Money", next: ["null", "Node"], last: ["null", "shop.Node"] },
      { name: "Node", namespace: "shop" },
    );
    const read = compileAvro(json(node), [money]);
    const flat = record({ price: "double", next: "int", price2: "double", next2: "int", last2: "int", last: "int" });
    const bytes = written(flat, { price: 1, next: 1, price2: 2, next2: 0, last2: 0, last: 0 });
    expect(read(bytes)).toEqual({
      price: { amount: 1 },
      next: { price: { amount: 2 }, next: null, last: null },
      last: null,
    });
  });

  it("may use names that objects have already", () => {
    const schema = record({ __proto__x: "int", constructor: "int", map: { type: "map", values: "int" } });
    const read = roundTrip(schema, { __proto__x: 1, constructor: 2, map: {} });
    expect(read).toEqual({ __proto__x: 1, constructor: 2, map: {} });
    const bytes = written({ type: "array", items: record({ key: "string", value: "int" }) }, [
      { key: "__proto__", value: 1 },
    ]);
    expect(Object.keys(compileAvro(json({ type: "map", values: "int" }))(bytes) as object)).toEqual(["__proto__"]);
  });
});

describe("bytes that the schema does not describe", () => {
  const clicks = { type: "array", items: record({ id: "string", at: "long" }) };
  const sound = written(clicks, [{ id: "c1", at: 5n }]);

  it.each([
    ["cut short", clicks, sound.subarray(0, -2)],
    ["nothing", clicks, Buffer.alloc(0)],
    ["with bytes left over", clicks, Buffer.concat([sound, Buffer.from([7])])],
    [
      "four bytes that claim a hundred million texts",
      { type: "array", items: "string" },
      Buffer.from("80808040", "hex"),
    ],
    ["a hundred million nulls", { type: "array", items: "null" }, Buffer.from("8080804000", "hex")],
    ["an array of 2^62 entries", { type: "map", values: "int" }, Buffer.from("ffffffffffffffffff01", "hex")],
    ["a text of negative length", "string", Buffer.from("03", "hex")],
    ["a text longer than the record", "string", Buffer.from("ffffffff0f", "hex")],
    ["an integer without an end", "long", Buffer.alloc(20, 0xff)],
    ["an unknown branch", ["null", "string"], Buffer.from("08", "hex")],
    ["an unknown symbol", { type: "enum", name: "E", symbols: ["A"] }, Buffer.from("04", "hex")],
    ["records within each other without an end", record({ next: ["null", "Click"] }), Buffer.alloc(10_000, 2)],
  ])("are refused: %s", (_what, schema, bytes) => {
    expect(() => compileAvro(json(schema))(bytes)).toThrow(UndecodableError);
  });

  it("are never anything else than a value or an UndecodableError", () => {
    const read = compileAvro(json(clicks));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UndecodableError);
        }
      }),
    );
  });
});

describe("a schema that is none", () => {
  it.each([
    ["{", "uses {"],
    [json("Click"), "uses Click"],
    [json({ type: "record", name: "R" }), "no fields"],
    [json({ type: "fixed", name: "F" }), "no size"],
    [json(null), "no Avro type"],
    [json({ type: "record", name: "R", fields: [{ name: "a", type: "other.Money" }] }), "uses other.Money"],
  ])("is refused: %s", (schema, message) => {
    expect(() => compileAvro(schema)).toThrow(message);
  });
});
