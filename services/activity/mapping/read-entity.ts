import type { ItemRecord } from "../event.ts";
import { compileDynamicFields, setField } from "./dynamic-fields.ts";
import { type LineReader, readEventTime } from "./read-event.ts";
import { readTime } from "./read-time.ts";
import type { Reading } from "./reading.ts";
import type { Sources } from "./sources.ts";
import { ISO_OR_MILLIS } from "./time.ts";
import { type AttributeSpec, type AttributeType, MappingError, type TopicSpec } from "./topic-spec.ts";
import {
  MAX_CHARACTERS,
  missing,
  placeOf,
  readAnyAsText,
  readBoolean,
  readCurrency,
  readId,
  readNumber,
  readNumbers,
  readPrice,
  readText,
  readTexts,
  type Source,
} from "./values.ts";

/** What every item can have, beside the attributes of the catalogue. */
export const ITEM_FIELDS = [
  "itemId",
  "name",
  "description",
  "categories",
  "tags",
  "price",
  "currency",
  "stock",
  "hidden",
  "createdAt",
  "embedding",
] as const;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Compiles the reader of items.
 *
 * @throws MappingError when itemId is not mapped, or an attribute has the name of a field that every item has.
 */
export function compileItemReader(
  topic: TopicSpec,
  sources: Sources,
  attributes: readonly AttributeSpec[],
): LineReader {
  const itemId = requiredSource(topic, sources, "itemId");
  const fields = ITEM_FIELDS.slice(1).flatMap((field) => {
    const source = sources.byField.get(field);
    return source === undefined ? [] : [{ source, read: READ_ITEM_FIELD[field as keyof typeof READ_ITEM_FIELD] }];
  });
  const attributeFields = attributes.flatMap(({ name, type }) => {
    const source = sources.byField.get(name);
    return source === undefined ? [] : [{ name, source, read: READ_ATTRIBUTE[type] }];
  });
  return (reading) => {
    const id = readId(reading, itemId);
    if (id === "") missing(reading, itemId, "an item needs its id (itemId)");
    const values: Record<string, string> = {};
    const item: Writable<ItemRecord> = { itemId: id, attributes: values, updatedAt: readEventTime(reading, sources) };
    for (const { source, read } of fields) read(item, reading, source);
    for (const { name, source, read } of attributeFields) {
      const value = read(reading, source);
      if (value !== undefined) setField(values, name, JSON.stringify(value));
    }
    return reading.faulty ? null : { kind: "item", item };
  };
}

/**
 * Compiles the reader of users: every field but userId is an attribute, text as it is, everything else as JSON.
 *
 * @param holder in ProductMatcher's own JSON the field that holds the attributes, `""` for the record itself.
 * @throws MappingError when userId is not mapped.
 */
export function compileUserReader(topic: TopicSpec, sources: Sources, holder = ""): LineReader {
  const userId = requiredSource(topic, sources, "userId");
  const mapped = [...sources.byField.values()].filter((source) => source !== userId);
  const own = new Set(holder === "" ? ["userId", "updatedAt"] : []);
  const readOwn = topic.mapping === undefined ? compileDynamicFields(holder, own) : null;
  return (reading) => {
    const id = readId(reading, userId);
    if (id === "") missing(reading, userId, "a user needs an id (userId)");
    const updatedAt = readEventTime(reading, sources);
    const attributes = readOwn === null ? readMapped(reading, mapped) : readOwn(reading);
    return reading.faulty ? null : { kind: "user", user: { userId: id, attributes, updatedAt } };
  };
}

function readMapped(reading: Reading, sources: readonly Source[]): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const source of sources) setField(attributes, source.field, readAnyAsText(reading, source));
  return attributes;
}

function requiredSource(topic: TopicSpec, sources: Sources, field: "itemId" | "userId"): Source {
  const source = sources.byField.get(field);
  if (source !== undefined) return source;
  throw new MappingError(topic.name, "mapping.fields", `record: ${topic.record} needs mapping.fields.${field}`);
}

type ItemFieldReader = (item: Writable<ItemRecord>, reading: Reading, source: Source) => void;

const READ_ITEM_FIELD: Record<Exclude<(typeof ITEM_FIELDS)[number], "itemId">, ItemFieldReader> = {
  name: (item, reading, source) => {
    const name = readText(reading, source, MAX_CHARACTERS.text);
    if (name !== "") item.name = name;
  },
  description: (item, reading, source) => {
    const description = readText(reading, source, MAX_CHARACTERS.description);
    if (description !== "") item.description = description;
  },
  categories: (item, reading, source) => {
    const categories = readTexts(reading, source);
    if (categories !== undefined) item.categories = categories;
  },
  tags: (item, reading, source) => {
    const tags = readTexts(reading, source);
    if (tags !== undefined) item.tags = tags;
  },
  price: (item, reading, source) => {
    const price = readPrice(reading, source);
    if (price !== null) item.price = price;
  },
  currency: (item, reading, source) => {
    const currency = readCurrency(reading, source);
    if (currency !== "") item.currency = currency;
  },
  stock: (item, reading, source) => {
    const stock = readNumber(reading, source);
    if (stock === null) return;
    if (Number.isSafeInteger(stock)) item.stock = stock;
    else reading.reject("field_type", placeOf(reading, source), `stock is ${stock}, expected a whole number`);
  },
  hidden: (item, reading, source) => {
    const hidden = readBoolean(reading, source);
    if (hidden !== undefined) item.hidden = hidden;
  },
  createdAt: (item, reading, source) => {
    const createdAt = readTime(reading, source, ISO_OR_MILLIS);
    if (createdAt !== undefined) item.createdAt = createdAt;
  },
  embedding: (item, reading, source) => {
    const embedding = readNumbers(reading, source);
    if (embedding !== undefined) item.embedding = embedding;
  },
};

/** Attribute types -> the JSON value that is stored; times as ISO 8601 text in UTC. */
const READ_ATTRIBUTE: Record<AttributeType, (reading: Reading, source: Source) => unknown> = {
  String: (reading, source) => readText(reading, source, MAX_CHARACTERS.text) || undefined,
  StringList: readTexts,
  Number: (reading, source) => readNumber(reading, source) ?? undefined,
  Boolean: readBoolean,
  Time: (reading, source) => {
    const time = readTime(reading, source, ISO_OR_MILLIS);
    return time === undefined ? undefined : new Date(time).toISOString();
  },
};
