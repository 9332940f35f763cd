import { describe, expect, test } from "vitest";
import { type AttributeSpec, compileTopic, type MappedRecord, type MappingSpec, type TopicSpec } from "./index.ts";

const NOW = Date.UTC(2026, 0, 15, 12);
const RECORD_TIME = Date.UTC(2026, 0, 15, 11);
const PRIVACY = { ipAddress: "Truncate", userAgent: "Family" } as const;
const ATTRIBUTES: AttributeSpec[] = [
  { name: "brand", type: "String" },
  { name: "sizes", type: "StringList" },
  { name: "weight", type: "Number" },
  { name: "vegan", type: "Boolean" },
  { name: "expires", type: "Time" },
];

function map(topic: TopicSpec, value: unknown): MappedRecord {
  const bytes = new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
  const record = { topic: topic.name, partition: 0, offset: 1, headers: {}, timestamp: RECORD_TIME, value: bytes };
  return compileTopic(topic, { privacy: PRIVACY, attributes: ATTRIBUTES }).map(record, NOW);
}

describe("items", () => {
  const own: TopicSpec = { name: "items", record: "Item" };

  test("of ProductMatcher's own JSON", () => {
    const item = {
      itemId: "p1",
      name: "Blue mug",
      description: "d".repeat(20_000),
      categories: ["kitchen", "mugs"],
      tags: "spring",
      price: "12.50",
      currency: "eur",
      stock: "7",
      hidden: "false",
      createdAt: "2024-05-06T00:00:00Z",
      embedding: [0.5, -1],
      brand: "North",
      sizes: ["S", 4, "", null],
      weight: 0.3,
      vegan: 1,
      expires: "2100-01-01",
      unknown: "left out",
      updatedAt: Date.UTC(2025, 0, 1),
    };
    expect(map(own, item)).toEqual({
      rejection: null,
      activities: [
        {
          kind: "item",
          item: {
            itemId: "p1",
            name: "Blue mug",
            description: "d".repeat(20_000),
            categories: ["kitchen", "mugs"],
            tags: ["spring"],
            price: 12.5,
            currency: "EUR",
            stock: 7,
            hidden: false,
            createdAt: Date.UTC(2024, 4, 6),
            embedding: [0.5, -1],
            attributes: {
              brand: '"North"',
              sizes: '["S","4"]',
              weight: "0.3",
              vegan: "true",
              expires: '"2100-01-01T00:00:00.000Z"',
            },
            updatedAt: Date.UTC(2025, 0, 1),
          },
        },
      ],
    });
  });

  test("have no field that the record does not have", () => {
    expect(map(own, { itemId: 7, name: null, tags: "" }).activities).toStrictEqual([
      { kind: "item", item: { itemId: "7", attributes: {}, updatedAt: RECORD_TIME } },
    ]);
  });

  test("are mapped like events, lines and time included", () => {
    const topic: TopicSpec = {
      name: "catalogue",
      record: "Item",
      mapping: {
        forEach: "products",
        fields: { itemId: "id", name: "title.en", brand: "/supplier", categories: "category" },
        constants: { currency: "EUR" },
        occurredAt: { path: "/at", format: "EpochSeconds", timeZone: "Etc/UTC" },
      },
    };
    const text = `{"at":1746515289,"supplier":"North","products":[
      {"id":9007199254740993,"title":{"en":"Mug"},"category":["a",9007199254740995]},
      {"title":{"en":"?"}}]}`;
    const result = map(topic, text);
    expect(result.activities).toEqual([
      {
        kind: "item",
        item: {
          itemId: "9007199254740993",
          name: "Mug",
          categories: ["a", "9007199254740995"],
          currency: "EUR",
          attributes: { brand: '"North"' },
          updatedAt: 1_746_515_289_000,
        },
      },
    ]);
    expect(result.rejection).toMatchObject({ reason: "field_missing", path: "products.1.id" });
  });

  test.each([
    [{ name: "Mug" }, "field_missing", "itemId"],
    [{ itemId: "p", stock: 1.5 }, "field_type", "stock"],
    [{ itemId: "p", price: -1 }, "field_type", "price"],
    [{ itemId: "p", currency: "euro" }, "field_type", "currency"],
    [{ itemId: "p", hidden: "maybe" }, "field_type", "hidden"],
    [{ itemId: "p", hidden: [true] }, "field_type", "hidden"],
    [{ itemId: "p", tags: [{}] }, "field_type", "tags"],
    [{ itemId: "p", tags: true }, "field_type", "tags"],
    [{ itemId: "p", embedding: [1, "2"] }, "field_type", "embedding"],
    [{ itemId: "p", weight: "heavy" }, "field_type", "weight"],
    [{ itemId: "p", vegan: 2 }, "field_type", "vegan"],
    [{ itemId: "p", createdAt: "soon" }, "time_unparsable", "createdAt"],
    [{ itemId: "p", createdAt: "1850-01-01" }, "time_out_of_range", "createdAt"],
    [{ itemId: "p", updatedAt: "1999-01-01" }, "time_out_of_range", "updatedAt"],
    [{ itemId: "p", name: "n".repeat(8_193) }, "field_too_long", "name"],
    [{ itemId: "p", description: "d".repeat(65_537) }, "field_too_long", "description"],
    [{ itemId: "p", categories: ["c".repeat(513)] }, "field_too_long", "categories"],
  ])("%j: %s at %s", (value, reason, path) => {
    expect(map(own, value)).toMatchObject({ activities: [], rejection: { reason, path } });
  });
});

describe("users", () => {
  test("of ProductMatcher's own JSON: every other field is an attribute", () => {
    const value = {
      userId: 5,
      username: "ada",
      age: 36,
      address: { city: "London" },
      none: null,
      updatedAt: "2025-01-01",
    };
    expect(map({ name: "users", record: "User" }, value)).toEqual({
      rejection: null,
      activities: [
        {
          kind: "user",
          user: {
            userId: "5",
            attributes: { username: "ada", age: "36", address: '{"city":"London"}' },
            updatedAt: Date.UTC(2025, 0, 1),
          },
        },
      ],
    });
  });

  test("are mapped by any name", () => {
    const mapping: MappingSpec = { fields: { userId: "id", username: "profile.name" }, constants: { country: "NL" } };
    expect(map({ name: "users", record: "User", mapping }, { id: "u", profile: { name: "ada" } }).activities).toEqual([
      { kind: "user", user: { userId: "u", attributes: { username: "ada", country: "NL" }, updatedAt: RECORD_TIME } },
    ]);
  });

  test("without an id are a fault", () => {
    expect(map({ name: "users", record: "User" }, { username: "ada" }).rejection).toMatchObject({
      reason: "field_missing",
      path: "userId",
    });
  });
});

describe("a mapping of which nothing can come is refused", () => {
  const event = (mapping: MappingSpec, fixed: string | undefined = "view"): TopicSpec => ({
    name: "t",
    record: "Event",
    event: fixed,
    mapping,
  });
  const fields = { userId: "u", itemId: "i" };
  const at = { path: "at", format: "Pattern", timeZone: "Etc/UTC" } as const;

  test.each<[TopicSpec, string, RegExp]>([
    [event({ fields: { ...fields, itmId: "i" } }), "mapping.fields.itmId", /did you mean itemId/],
    [event({ fields: { ...fields, "properties.": "i" } }), "mapping.fields.properties.", /no field/],
    [event({ fields, constants: { colour: "blue" } }), "mapping.constants.colour", /no field/],
    [event({ fields, constants: { currency: "a\0" } }), "mapping.constants.currency", /NUL/],
    [event({ fields: { ...fields, price: "a..b" } }), "mapping.fields.price", /empty step/],
    [event({ fields: { ...fields, price: "/a~b" } }), "mapping.fields.price", /~0/],
    [event({ fields, forEach: "" }), "mapping.forEach", /empty step/],
    [event({ fields, occurredAt: { ...at, path: "" } }), "mapping.occurredAt.path", /empty step/],
    [event({ fields, occurredAt: { ...at, pattern: "HH:mm" } }), "mapping.occurredAt.pattern", /no year/],
    [event({ fields, occurredAt: at }), "mapping.occurredAt.pattern", /needs a pattern/],
    [
      event({ fields, occurredAt: { ...at, pattern: "yyyy", timeZone: "Paris" } }),
      "mapping.occurredAt.timeZone",
      /Europe\/Paris/,
    ],
    [event({ fields: { itemId: "i" } }), "mapping.fields", /userId, anonymousId and sessionId/],
    [event({ fields: { userId: "u" } }), "mapping.fields", /itemId/],
    [{ name: "t", record: "Event", mapping: { fields } }, "event", /fixed name/],
    [{ name: "t", record: "Item", mapping: { fields: { name: "n" } } }, "mapping.fields", /itemId/],
    [
      { name: "t", record: "Item", mapping: { fields: { itemId: "i", brnad: "n" } } },
      "mapping.fields.brnad",
      /did you mean brand/,
    ],
    [{ name: "t", record: "User", mapping: { fields: { name: "n" } } }, "mapping.fields", /userId/],
  ])("%j", (topic, path, message) => {
    const compile = () => compileTopic(topic, { privacy: PRIVACY, attributes: ATTRIBUTES });
    expect(compile).toThrow(expect.objectContaining({ code: "MappingInvalid", path }));
    expect(compile).toThrow(message);
  });

  test("an attribute with the name of a field that every item has", () => {
    const attributes: AttributeSpec[] = [{ name: "price", type: "Number" }];
    expect(() => compileTopic({ name: "t", record: "Item" }, { privacy: PRIVACY, attributes })).toThrow(
      /remove or rename/,
    );
  });
});

describe("changes that came over HTTP", () => {
  const topic: TopicSpec = { name: "entities", record: "Entity" };
  const updatedAt = Date.UTC(2026, 0, 2);

  test("an item is whole, its attributes stand apart", () => {
    const item = { itemId: 7, name: "Mug", stock: 0, updatedAt };
    const attributes = { brand: "North", sizes: ["S"], colour: "left out" };
    expect(map(topic, { kind: "item", ...item, attributes, brand: "left out" })).toEqual({
      rejection: null,
      activities: [
        {
          kind: "item",
          item: {
            itemId: "7",
            name: "Mug",
            stock: 0,
            attributes: { brand: '"North"', sizes: '["S"]' },
            whole: true,
            updatedAt,
          },
        },
      ],
    });
  });

  test("an item that is gone", () => {
    expect(map(topic, { kind: "item", itemId: "7", deleted: true, updatedAt }).activities).toEqual([
      { kind: "item", item: { itemId: "7", attributes: {}, deleted: true, updatedAt } },
    ]);
  });

  test("a user is whole, or adds to what is known", () => {
    const user = { kind: "user", userId: "ann", attributes: { kind: "person", partial: true }, updatedAt };
    const attributes = { kind: "person", partial: "true" };
    expect(map(topic, user).activities).toEqual([
      { kind: "user", user: { userId: "ann", attributes, whole: true, updatedAt } },
    ]);
    expect(map(topic, { ...user, partial: true }).activities).toEqual([
      { kind: "user", user: { userId: "ann", attributes, updatedAt } },
    ]);
  });

  test.each([
    ["of no kind", { itemId: "7" }, "kind"],
    ["of another kind", { kind: "shop" }, "kind"],
    ["of nothing", { kind: "item" }, "itemId"],
    ["of nobody", { kind: "user" }, "userId"],
    ["with a bad attribute", { kind: "item", itemId: "7", attributes: { weight: "?" } }, "/attributes/weight"],
    ["that is gone, or not", { kind: "item", itemId: "7", deleted: "perhaps" }, "deleted"],
  ])("one %s is refused at its place", (_name, value, path) => {
    expect(map(topic, value)).toMatchObject({ activities: [], rejection: { path } });
  });
});
