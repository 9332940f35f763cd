import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { compileProtobuf } from "./protobuf.ts";
import { UndecodableError } from "./undecodable.ts";

const FIRST = Buffer.from([0]);

/** A message as another program writes it, behind the path of its type. */
function written(schema: string, type: string, value: object, path: Uint8Array = FIRST): Buffer {
  const { root } = protobuf.parse(schema, { keepCase: true });
  const message = root.lookupType(type);
  return Buffer.concat([path, message.encode(message.fromObject(value)).finish()]);
}

const ORDER = `syntax = "proto3"; package shop;
enum Kind { UNKNOWN = 0; PURCHASE = 1; }
message Order {
  message Line { string sku = 1; int32 quantity = 2; message Note { string text = 1; } }
  int64 order_id = 1;
  uint64 user_id = 2;
  Kind kind = 3;
  repeated Line lines = 4;
  map<string, int32> stock = 5;
  map<int64, string> by_id = 6;
  float weight = 7;
  bytes raw = 8;
  optional double price = 9;
  oneof payment { string card = 10; string iban = 11; }
  Line gift = 12;
}
message Refund { string id = 1; }`;

describe("Protobuf records", () => {
  it("become plain values under the names of the file, with every digit", () => {
    const value = {
      order_id: "9007199254740993",
      user_id: "18446744073709551615",
      kind: 1,
      lines: [{ sku: "teapot", quantity: 2 }, { sku: "cup" }],
      stock: { berlin: 3 },
      by_id: { "9007199254740993": "x", "-1": "y" },
      weight: 9.99,
      raw: Buffer.from([0, 255]),
      price: 0,
      card: "visa",
      gift: { sku: "cup" },
    };
    expect(compileProtobuf(ORDER)(written(ORDER, "shop.Order", value))).toEqual({
      ...value,
      kind: "PURCHASE",
      lines: [
        { sku: "teapot", quantity: 2 },
        { sku: "cup", quantity: 0 },
      ],
      raw: "AP8=",
      gift: { sku: "cup", quantity: 0 },
    });
  });

  it("have the defaults of fields that are left out, except where the schema tells absent from default", () => {
    expect(compileProtobuf(ORDER)(FIRST)).toEqual({
      order_id: 0,
      user_id: 0,
      kind: "UNKNOWN",
      lines: [],
      stock: {},
      by_id: {},
      weight: 0,
      raw: "",
    });
    const proto2 = 'syntax = "proto2"; message Click { optional string id = 1; required int32 n = 2; }';
    expect(compileProtobuf(proto2)(written(proto2, "Click", { n: 5 }))).toEqual({ n: 5 });
  });

  it.each([
    ["the second message", [2, 2], "shop.Refund", { id: "r1" }, { id: "r1" }],
    ["a message in the first", [4, 0, 0], "shop.Order.Line", { sku: "cup" }, { sku: "cup", quantity: 0 }],
    ["a message in a message", [6, 0, 0, 0], "shop.Order.Line.Note", { text: "hi" }, { text: "hi" }],
    ["the first, spelled out", [2, 0], "shop.Order", {}, expect.objectContaining({ kind: "UNKNOWN" })],
  ])("say which message of the file they are: %s", (_what, path, type, value, expected) => {
    expect(compileProtobuf(ORDER)(written(ORDER, type, value, Buffer.from(path)))).toEqual(expected);
  });

  it("may use messages of other files, of the same package too, and Google's own types", () => {
    const money = 'syntax = "proto3"; package shop; message Money { string currency = 1; }';
    const price = `syntax = "proto3"; package shop; import "money.proto"; message Price { Money money = 1; }`;
    const click = `syntax = "proto3"; package shop;
      import "price.proto";
      import "google/protobuf/timestamp.proto";
      import "google/protobuf/wrappers.proto";
      import "confluent/meta.proto";
      import "confluent/type/decimal.proto";
      message Click {
        option (confluent.message_meta).doc = "a click";
        Price price = 1;
        google.protobuf.Timestamp at = 2;
        google.protobuf.StringValue note = 3;
        google.protobuf.Int64Value number = 4 [(confluent.field_meta) = { doc: "any" }];
        confluent.type.Decimal total = 5;
      }`;
    const read = compileProtobuf(click, [
      { name: "money.proto", schema: money },
      { name: "price.proto", schema: price },
    ]);
    // The same bytes, spelled without any of those types.
    const same = `syntax = "proto3";
      message M { string currency = 1; } message P { M money = 1; } message T { int64 seconds = 1; int32 nanos = 2; }
      message S { string value = 1; } message D { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
      message I { int64 value = 1; }
      message Click { P price = 1; T at = 2; S note = 3; I number = 4; D total = 5; }`;
    const value = {
      price: { money: { currency: "EUR" } },
      at: { seconds: 1_767_225_600, nanos: 123_456_789 },
      note: { value: "hi" },
      number: {},
      total: { value: Buffer.from([0x04, 0xe2]), precision: 4, scale: 2 },
    };
    expect(read(written(same, "Click", value))).toEqual({
      price: { money: { currency: "EUR" } },
      at: 1_767_225_600_123,
      note: "hi",
      number: 0,
      total: "12.50",
    });
  });
});

describe("bytes that the schema does not describe", () => {
  it.each([
    ["nothing", []],
    ["a message that the file has not", [2, 8]],
    ["a path deeper than any", [200, 1]],
    ["a text longer than the record", [0, 0x22, 0x7f, 1]],
    ["an unfinished number", [0, 0x08, 0xff]],
    ["an unknown wire type", [0, 0x0f]],
    ["messages that claim the same bytes", [0, 0x22, 0x05, 0x0a, 0x7f]],
  ])("are refused: %s", (_what, bytes) => {
    expect(() => compileProtobuf(ORDER)(Buffer.from(bytes))).toThrow();
  });
});

describe("a schema that cannot be read", () => {
  it.each([
    ["message {", "cannot be read"],
    ['syntax = "proto3"; import "money.proto"; message Click { Money price = 1; }', "Money"],
  ])("is refused: %s", (schema, message) => {
    expect(() => compileProtobuf(schema)).toThrow(UndecodableError);
    expect(() => compileProtobuf(schema)).toThrow(message);
  });
});
