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

/** The files above and below as `protoc` compiles them. */
const COMPILED_ORDER =
  "CgtvcmRlci5wcm90bxIEc2hvcCLOBAoFT3JkZXISGQoIb3JkZXJfaWQYASABKANSB29yZGVySWQSFwoHdXNlcl9pZBgCIAEoBFIGdXNlcklkEh" +
  "4KBGtpbmQYAyABKA4yCi5zaG9wLktpbmRSBGtpbmQSJgoFbGluZXMYBCADKAsyEC5zaG9wLk9yZGVyLkxpbmVSBWxpbmVzEiwKBXN0b2NrGAUg" +
  "AygLMhYuc2hvcC5PcmRlci5TdG9ja0VudHJ5UgVzdG9jaxIqCgVieV9pZBgGIAMoCzIVLnNob3AuT3JkZXIuQnlJZEVudHJ5UgRieUlkEhYKBn" +
  "dlaWdodBgHIAEoAlIGd2VpZ2h0EhAKA3JhdxgIIAEoDFIDcmF3EhkKBXByaWNlGAkgASgBSAFSBXByaWNliAEBEhQKBGNhcmQYCiABKAlIAFIE" +
  "Y2FyZBIUCgRpYmFuGAsgASgJSABSBGliYW4SJAoEZ2lmdBgMIAEoCzIQLnNob3AuT3JkZXIuTGluZVIEZ2lmdBpQCgRMaW5lEhAKA3NrdRgBIA" +
  "EoCVIDc2t1EhoKCHF1YW50aXR5GAIgASgFUghxdWFudGl0eRoaCgROb3RlEhIKBHRleHQYASABKAlSBHRleHQaOAoKU3RvY2tFbnRyeRIQCgNr" +
  "ZXkYASABKAlSA2tleRIUCgV2YWx1ZRgCIAEoBVIFdmFsdWU6AjgBGjcKCUJ5SWRFbnRyeRIQCgNrZXkYASABKANSA2tleRIUCgV2YWx1ZRgCIA" +
  "EoCVIFdmFsdWU6AjgBQgkKB3BheW1lbnRCCAoGX3ByaWNlIhgKBlJlZnVuZBIOCgJpZBgBIAEoCVICaWQqIQoES2luZBILCgdVTktOT1dOEAAS" +
  "DAoIUFVSQ0hBU0UQAWIGcHJvdG8z";
const CLICK = `syntax = "proto2";
message Click {
  map<string, string> before = 1;
  enum Kind { A = 0; B = 1; }
  message Inner { optional bool deep = 1; }
  optional string id = 2;
  required Kind kind = 3;
  repeated fixed64 big = 4;
  optional Inner inner = 5;
  oneof who { string user = 6; string visitor = 7; }
}`;
const COMPILED_CLICK =
  "CgtjbGljay5wcm90byLBAgoFQ2xpY2sSKgoGYmVmb3JlGAEgAygLMhIuQ2xpY2suQmVmb3JlRW50cnlSBmJlZm9yZRIOCgJpZBgCIAEoCVICaW" +
  "QSHwoEa2luZBgDIAIoDjILLkNsaWNrLktpbmRSBGtpbmQSEAoDYmlnGAQgAygGUgNiaWcSIgoFaW5uZXIYBSABKAsyDC5DbGljay5Jbm5lclIF" +
  "aW5uZXISFAoEdXNlchgGIAEoCUgAUgR1c2VyEhoKB3Zpc2l0b3IYByABKAlIAFIHdmlzaXRvcho5CgtCZWZvcmVFbnRyeRIQCgNrZXkYASABKA" +
  "lSA2tleRIUCgV2YWx1ZRgCIAEoCVIFdmFsdWU6AjgBGhsKBUlubmVyEhIKBGRlZXAYASABKAhSBGRlZXAiFAoES2luZBIFCgFBEAASBQoBQhAB" +
  "QgUKA3dobw==";

describe("a compiled file", () => {
  it.each([
    [
      "shop.Order",
      ORDER,
      COMPILED_ORDER,
      { order_id: "9007199254740993", kind: 1, card: "visa", price: 0, by_id: { "5": "x" } },
    ],
    ["shop.Order", ORDER, COMPILED_ORDER, { lines: [{ sku: "cup", quantity: 2 }], gift: {}, stock: { berlin: 1 } }],
    ["Click", CLICK, COMPILED_CLICK, { kind: 1, big: ["18446744073709551615"], visitor: "v", before: { a: "b" } }],
    ["Click", CLICK, COMPILED_CLICK, { kind: 0, inner: { deep: true } }],
  ])("is read as its text is: %s", (type, text, compiled, value) => {
    const bytes = written(text, type, value);
    const read = compileProtobuf(compiled)(bytes);
    expect(read).toEqual(compileProtobuf(text)(bytes));
    expect(JSON.stringify(read)).not.toBe("{}");
  });

  it("counts the entries of its maps among its messages, as the clients do that register it", () => {
    const bytes = written(CLICK, "Click.Inner", { deep: true }, Buffer.from([4, 0, 2]));
    expect(compileProtobuf(COMPILED_CLICK)(bytes)).toEqual({ deep: true });
    expect(() => compileProtobuf(CLICK)(bytes)).toThrow("no message 0.1");
  });

  it("may be what another file imports, and import one", () => {
    const money = 'syntax = "proto3"; package shop; message Money { string currency = 1; }';
    const refund = 'syntax = "proto3"; import "order.proto"; message A { shop.Refund refund = 1; }';
    const same = 'syntax = "proto3"; message A { R refund = 1; } message R { string id = 1; }';
    const imports = [
      { name: "money.proto", schema: money },
      { name: "order.proto", schema: COMPILED_ORDER },
    ];
    expect(compileProtobuf(refund, imports)(written(same, "A", { refund: { id: "r1" } }))).toEqual({
      refund: { id: "r1" },
    });
  });

  it("that is none is refused", () => {
    expect(() => compileProtobuf("AAAA")).toThrow(UndecodableError);
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
