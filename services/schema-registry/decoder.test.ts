import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import avro from "avsc";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { framed, type RegistryServer, send, startRegistryServer } from "../../test/fixtures/schema-registry.ts";
import { makeCertificates } from "../../test/kafka/certificates.ts";
import { compileTopic } from "../activity/index.ts";
import { type DecoderOptions, decodingMapper, openRecordDecoder, SchemaRegistryError } from "./index.ts";

const NOW = Date.UTC(2026, 0, 15);
const CLICK = {
  type: "record",
  name: "Click",
  fields: [
    { name: "click_id", type: "string" },
    { name: "user", type: "string" },
  ],
} as const;
const click = (id: string, schemaId = 1) =>
  framed(schemaId, avro.Type.forSchema(CLICK as never).toBuffer({ click_id: id, user: "ann" }));
const running = new AbortController().signal;

let folder: string;
let registry: RegistryServer;
let now: number;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-registry-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  registry = await startRegistryServer();
  registry.byId.set(1, { schema: JSON.stringify(CLICK) });
  now = NOW;
});

const open = (options: Partial<DecoderOptions> = {}) =>
  openRecordDecoder({ url: registry.url, now: () => now, secondLookMilliseconds: 1, ...options });

describe("a decoder", () => {
  it("asks for each schema once, however many records carry it", async () => {
    const decoder = open();
    await decoder.learn([click("a"), click("b")], running);
    await decoder.learn([click("c")], running);
    expect(decoder.decode(click("c"))).toEqual({ value: { click_id: "c", user: "ann" } });
    expect(registry.asked).toEqual(["/schemas/ids/1"]);
  });

  it("leaves JSON Schema's JSON to the parser that keeps its digits", async () => {
    registry.byId.set(7, { schema: '{"type":"object"}', schemaType: "JSON" });
    const record = framed(7, Buffer.from('{"id":9007199254740993}'));
    const decoder = open();
    await decoder.learn([record], running);
    expect(decoder.decode(record)).toEqual({ json: Buffer.from('{"id":9007199254740993}') });
  });

  it("fetches what a schema refers to, each once, deepest first", async () => {
    const named = (name: string, fields: object) => JSON.stringify({ type: "record", name, fields });
    registry.bySubject.set("types/money", [
      { schema: named("Old", []) },
      { schema: named("Money", [{ name: "eur", type: "int" }]) },
    ]);
    const money = { name: "Money", subject: "types/money", version: 2 };
    registry.bySubject.set("price", [
      { schema: named("Price", [{ name: "money", type: "Money" }]), references: [money] },
    ]);
    registry.byId.set(2, {
      schema: named("Click", [
        { name: "price", type: "Price" },
        { name: "tax", type: "Money" },
      ]),
      references: [{ name: "Price", subject: "price", version: 1 }, money],
    });
    const record = framed(2, Buffer.from([20, 4]));
    const decoder = open();
    await decoder.learn([record], running);
    expect(decoder.decode(record)).toEqual({ value: { price: { money: { eur: 10 } }, tax: { eur: 2 } } });
    expect(registry.asked).toEqual([
      "/schemas/ids/2",
      "/subjects/price/versions/1?deleted=true",
      "/subjects/types%2Fmoney/versions/2?deleted=true",
    ]);
  });

  it.each([
    ["nothing", Buffer.alloc(0), "tombstone"],
    ["four bytes", Buffer.alloc(4), "has 4 bytes"],
    ["JSON", Buffer.from('{"click_id":"a"}'), "set format: JSON"],
    ["another framing", Buffer.from([3, 0, 0, 0, 1]), "begins with byte 3"],
    ["content cut short", click("a").subarray(0, -1), "as schema 1 (AVRO): the content ends"],
  ])("%s is undecodable", async (_what, record, message) => {
    const decoder = open();
    await decoder.learn([record], running);
    expect(decoder.decode(record)).toEqual({ fault: "undecodable", message: expect.stringContaining(message) });
  });

  it("a schema that no decoder can be made of makes its records undecodable, not the registry faulty", async () => {
    registry.byId.set(3, { schema: 'syntax = "proto3"; message A { Lost b = 1; }', schemaType: "PROTOBUF" });
    registry.byId.set(4, { schema: '"Gone"', references: [{ name: "Gone", subject: "gone", version: 1 }] });
    const decoder = open();
    const records = [framed(3, Buffer.from([0])), framed(4, Buffer.alloc(1))];
    await decoder.learn(records, running);
    expect(records.map((record) => decoder.decode(record))).toEqual([
      { fault: "undecodable", message: expect.stringContaining("Lost") },
      { fault: "undecodable", message: expect.stringContaining("uses Gone") },
    ]);
  });

  it("a schema that the registry does not know is looked for twice, and again a minute later", async () => {
    const decoder = open();
    await decoder.learn([click("a", 9)], running);
    expect(registry.asked).toEqual(["/schemas/ids/9", "/schemas/ids/9"]);
    expect(decoder.decode(click("a", 9))).toEqual({
      fault: "schema_unknown",
      message: expect.stringContaining("no schema 9"),
    });
    registry.byId.set(9, { schema: JSON.stringify(CLICK) });
    await decoder.learn([click("a", 9)], running);
    expect(registry.asked).toHaveLength(2);
    now += 60_000;
    await decoder.learn([click("a", 9)], running);
    expect(decoder.decode(click("a", 9))).toMatchObject({ value: { click_id: "a" } });
  });

  it("keeps a thousand schemas, and all that a batch needs", async () => {
    for (let id = 1; id <= 1_500; id += 1) registry.byId.set(id, { schema: JSON.stringify(CLICK) });
    const records = Array.from({ length: 1_500 }, (_, index) => click(`c${index}`, index + 1));
    const decoder = open();
    await decoder.learn(records, running);
    expect(records.map((record) => decoder.decode(record))).toHaveLength(1_500);
    await decoder.learn([click("a", 1_500)], running);
    registry.asked.length = 0;
    await decoder.learn([click("a", 1_500), click("a", 1)], running);
    expect(registry.asked).toEqual(["/schemas/ids/1"]);
  });
});

describe("a registry that cannot tell", () => {
  it.each([
    [
      "answers 500",
      (_: unknown, response: never) => send(response, 500, { message: "no leader" }),
      "refused",
      "no leader",
    ],
    [
      "refuses the password",
      (_: unknown, response: never) => send(response, 401, {}),
      "sign_in_refused",
      "credentials",
    ],
    ["is another server", (_: unknown, response: never) => send(response, 404, "<html>"), "no_registry", "its path"],
    [
      "is another server that answers JSON",
      (_: unknown, response: never) => send(response, 404, { error_code: 404 }),
      "no_registry",
      "its path",
    ],
    ["redirects", (_: unknown, response: never) => send(response, 302, ""), "no_registry", "its path"],
    ["answers nonsense", (_: unknown, response: never) => send(response, 200, "[]"), "invalid_answer", "schema"],
    ["hangs", () => {}, "unreachable", "no answer in time"],
    [
      "hangs up",
      (request: { socket: { destroy(): void } }) => request.socket.destroy(),
      "unreachable",
      "network policy",
    ],
  ] as const)("%s: an error that may pass, and nothing is judged", async (_what, fault, code, message) => {
    registry.fault = fault as never;
    const decoder = open({ timeoutMilliseconds: 200 });
    const failed = await decoder.learn([click("a")], running).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(SchemaRegistryError);
    expect(failed).toMatchObject({ code, message: expect.stringContaining(message) });
    registry.fault = null;
    await decoder.learn([click("a")], running);
    expect(decoder.decode(click("a"))).toMatchObject({ value: { click_id: "a" } });
  });

  it("is away: an error that says where it was looked for", async () => {
    await registry.close();
    await expect(open().learn([click("a")], running)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(registry.url),
    });
  });

  it("is given up when the consumer stops", async () => {
    const stopping = new AbortController();
    registry.fault = () => stopping.abort(new Error("stopped"));
    await expect(open().learn([click("a")], stopping.signal)).rejects.toThrow("stopped");
  });
});

describe("secrets", () => {
  it("are read anew for each question", async () => {
    const seen: unknown[] = [];
    registry.fault = (request, response) => {
      seen.push(request.headers.authorization);
      send(response, 200, { schema: JSON.stringify(CLICK) });
    };
    const passwordFile = join(folder, "password");
    const decoder = open({ credentials: { username: "shop", passwordFile } });
    await expect(decoder.learn([click("a")], running)).rejects.toMatchObject({ code: "secret_unreadable" });
    for (const [index, password] of ["first", "second\n"].entries()) {
      writeFileSync(passwordFile, password);
      await decoder.learn([click("a", index + 1)], running);
    }
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(seen).toEqual([basic("shop:first"), basic("shop:second")]);
  });

  it("an authority of one's own vouches for the registry", async () => {
    const { caFile, brokerFile } = await makeCertificates(folder);
    const pem = readFileSync(brokerFile);
    const secure = await startRegistryServer({ key: pem, cert: pem });
    secure.byId.set(1, { schema: JSON.stringify(CLICK) });
    await open({ url: secure.url, caFile }).learn([click("a")], running);
    await expect(open({ url: secure.url }).learn([click("a")], running)).rejects.toMatchObject({
      code: "certificate_refused",
    });
  });
});

describe("a mapper of a registry's topic", () => {
  const topic = {
    name: "clicks",
    record: "Event",
    event: "view",
    mapping: { fields: { eventId: "click_id", userId: "user.id", itemId: "product.id", "properties.p": "product" } },
  } as const;
  const schema = {
    type: "record",
    name: "Click",
    fields: [
      { name: "click_id", type: ["null", "string"] },
      { name: "user", type: { type: "record", name: "User", fields: [{ name: "id", type: "long" }] } },
      { name: "product", type: { type: "map", values: "string" } },
    ],
  } as const;
  const record = (value: object) => ({
    topic: "clicks",
    partition: 0,
    offset: 4,
    headers: {},
    timestamp: NOW,
    value: framed(5, avro.Type.forSchema(schema as never).toBuffer(value)),
  });

  it("maps what was decoded by the same paths as JSON, and checks it as strictly", async () => {
    registry.byId.set(5, { schema: JSON.stringify(schema) });
    const privacy = { ipAddress: "Keep", userAgent: "Keep" } as const;
    const mapper = decodingMapper(compileTopic(topic, { privacy, attributes: [] }), open());
    const records = [
      record({ click_id: "c1", user: { id: 17 }, product: { id: "teapot" } }),
      record({ click_id: null, user: { id: 17 }, product: { id: "cup" } }),
      record({ click_id: "c3", user: { id: 17 }, product: { id: "a\0b" } }),
      record({ click_id: "c4", user: { id: 17 }, product: {} }),
      { ...record({ click_id: "c5", user: { id: 17 }, product: {} }), value: new Uint8Array(2_000_000) },
    ];
    await mapper.prepare?.(records, running);
    const mapped = records.map((each) => mapper.map(each, NOW));
    expect(mapped.map(({ rejection }) => rejection?.reason)).toEqual([
      undefined,
      undefined,
      "invalid_character",
      "field_missing",
      "record_too_large",
    ]);
    expect(mapped[0]?.activities).toMatchObject([
      { event: { eventId: "c1", userId: "17", itemId: "teapot", properties: { p: '{"id":"teapot"}' } } },
    ]);
    expect(mapped[1]?.activities).toMatchObject([{ event: { eventId: "clicks/0/4" } }]);
  });
});
