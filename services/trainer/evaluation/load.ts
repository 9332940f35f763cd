/** From files to tables of events. */
import { identifier } from "../../clickhouse/index.ts";
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import type { WorkTables } from "../work-tables.ts";
import { chooseColumns, type Fields, isSufficient, type Needs } from "./columns.ts";
import { DataSetError } from "./fault.ts";
import { type DataFile, fromFile, readSettings } from "./file.ts";

export interface Reading {
  readonly fields: Fields;
  /** ISO8601, EpochSeconds, EpochMillis, EpochMicros, or a Unicode date pattern; by the value when absent. */
  readonly timeFormat?: string;
  /** Theirs to ours, beside the names that are known. */
  readonly eventNames: Readonly<Record<string, string>>;
}

export interface LoadedFile {
  /** Table of ACTIVITY_COLUMNS and `position UInt64`, the row's place in the file. */
  readonly table: string;
  /** Table with a row an event: (item String, name String, category String, brand String, price_text String). */
  readonly raw: string;
  /** Whether the file says anything of its items. */
  readonly describesItems: boolean;
  readonly rows: number;
  /** Rows without a user or without an item, left out. */
  readonly skipped: number;
  readonly hasTime: boolean;
  readonly hasEvent: boolean;
  /** Actors are sessions: the file names no user. */
  readonly bySession: boolean;
}

/** What an event is called where the file names none. */
export const UNNAMED_EVENT = "interaction";

/** Other words for the events that ProductMatcher knows. */
const EVENT_SYNONYMS: Readonly<Record<string, string>> = {
  addtocart: "add_to_cart",
  cart: "add_to_cart",
  carts: "add_to_cart",
  clicks: "click",
  pv: "view",
  pageview: "view",
  views: "view",
  buy: "purchase",
  order: "purchase",
  orders: "purchase",
  transaction: "purchase",
  purchases: "purchase",
  remove: "remove_from_cart",
  removefromcart: "remove_from_cart",
};

const EPOCH_MILLISECONDS: Readonly<Record<string, string>> = {
  EpochSeconds: "number * 1000",
  EpochMillis: "number",
  EpochMicros: "number / 1000",
};

/** Seconds until the year 5138, milliseconds from 1973: what a number without a named format is taken for. */
const GUESSED_MILLISECONDS = "multiIf(abs(number) >= 1e14, number / 1000, abs(number) >= 1e11, number, number * 1000)";

/**
 * Reads a file into a work table.
 *
 * @throws DataSetError naming the file, the column and what was found
 */
export async function loadFile(
  work: WorkTables,
  name: string,
  file: DataFile,
  reading: Reading,
  needs: Needs,
): Promise<LoadedFile> {
  const source = file.format === "lists" ? listRows(file) : columnRows(file, reading.fields, needs);
  if (file.format === "lists" && needs.time) {
    throw new DataSetError(
      "column_missing",
      `${file.path} lists items without times: use --protocol user, or --holdout last for one file`,
    );
  }
  const raw = await work.create({
    name: `${name}_raw`,
    columns:
      "position UInt64, actor String, session String, item String, event_text String, time_text String, quantity_text String, name String, category String, brand String, price_text String, device String, country String",
    orderBy: "position",
  });
  const insert = `INSERT INTO ${raw}\n${source.sql}\nSETTINGS ${readSettings(file)}`;
  await work.clickhouse.command(insert, source.parameters).catch((cause: unknown) => {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new DataSetError("file_unreadable", `${file.path} cannot be read as ${file.format}: ${found}`, { cause });
  });
  return convert(work, name, file, raw, source.columns, reading);
}

interface RowSource {
  readonly sql: string;
  readonly parameters: Record<string, string>;
  readonly columns: Fields;
}

function listRows(file: DataFile): RowSource {
  const { sql, parameters } = fromFile(file);
  return {
    columns: { user: "first word", item: "further words" },
    parameters,
    sql: `
SELECT position * 1000000 + place AS position, words[1] AS actor, '' AS session, words[place] AS item, '' AS event_text, '' AS time_text, '' AS quantity_text,
  '' AS name, '' AS category, '' AS brand, '' AS price_text, '' AS device, '' AS country
FROM (SELECT rowNumberInAllBlocks() AS position, splitByWhitespace(line) AS words FROM ${sql})
ARRAY JOIN range(2, length(words) + 1) AS place`,
  };
}

function columnRows(file: DataFile, named: Fields, needs: Needs): RowSource {
  const names = file.columns.map((column) => column.name);
  const list = isSufficient(names, named) ? undefined : nestedEvents(file, named);
  const inner = list === undefined ? [] : tupleNames(list.type);
  const columns = chooseColumns(file.path, [...inner, ...names], named, needs);
  const text = (column: string | undefined) => {
    if (column === undefined) return "''";
    const nested = list !== undefined && inner.includes(column);
    const value = nested ? `tupleElement(entry, ${quoted(column)})` : `row.${identifier(column)}`;
    return `trim(ifNull(toString(${value}), ''))`;
  };
  const { sql, parameters } = fromFile(file);
  const who = `if(${text(columns.user)} != '', ${text(columns.user)}, ${
    columns.user === undefined
      ? text(columns.session)
      : `if(${text(columns.session)} = '', '', concat('session:', ${text(columns.session)}))`
  })`;
  const entries = list === undefined ? "" : `\nARRAY JOIN row.${identifier(list.name)} AS entry`;
  return {
    columns,
    parameters,
    sql: `
SELECT rowNumberInAllBlocks() AS position, ${who} AS actor, ${text(columns.session)} AS session, ${text(columns.item)} AS item, ${text(columns.event)} AS event_text,
  ${text(columns.time)} AS time_text, ${text(columns.quantity)} AS quantity_text,
  ${text(columns.name)} AS name, ${text(columns.category)} AS category, ${text(columns.brand)} AS brand, ${text(columns.price)} AS price_text,
  lower(${text(columns.device)}) AS device, ${text(columns.country)} AS country
FROM ${sql} AS row${entries}`,
  };
}

/** A column of records that hold what the row itself does not: the events of a session. */
function nestedEvents(file: DataFile, named: Fields): { name: string; type: string } | undefined {
  const outer = file.columns.map((column) => column.name);
  return file.columns.find(
    ({ type }) => type.startsWith("Array(Tuple(") && isSufficient([...tupleNames(type), ...outer], named),
  );
}

function tupleNames(type: string): string[] {
  return [...type.matchAll(/(?:\(|,)\s*`?([A-Za-z_]\w*)`?\s+[A-Z]/g)].map((match) => match[1] ?? "");
}

async function convert(
  work: WorkTables,
  name: string,
  file: DataFile,
  raw: string,
  columns: Fields,
  reading: Reading,
): Promise<LoadedFile> {
  const milliseconds = `(${timeExpression(reading.timeFormat)})`;
  const parameters = {
    unnamed: columns.quantity === undefined ? UNNAMED_EVENT : "purchase",
    names: new Map(Object.entries({ ...EVENT_SYNONYMS, ...reading.eventNames })),
    hasTime: columns.time !== undefined,
    hasQuantity: columns.quantity !== undefined,
    ...(isPattern(reading.timeFormat) ? { pattern: reading.timeFormat } : {}),
  };
  const bad = (condition: string, column: string) =>
    `countIf(kept AND ${condition}), argMinIf((position + 1, ${column}), position, kept AND ${condition})`;
  const [check] = await work.clickhouse.query<{
    rows: string;
    skipped: string;
    times: [string, [string, string]];
    quantities: [string, [string, string]];
  }>(
    `
WITH actor != '' AND item != '' AS kept, toFloat64OrNull(time_text) AS number
SELECT count() AS rows, countIf(NOT kept) AS skipped,
  tuple(${bad(`{hasTime:Bool} AND isNull(${milliseconds})`, "time_text")}) AS times,
  tuple(${bad("{hasQuantity:Bool} AND isNull(toFloat64OrNull(quantity_text))", "quantity_text")}) AS quantities
FROM ${raw}`,
    parameters,
  );
  const rows = Number(check?.rows ?? 0);
  if (check === undefined || rows === Number(check.skipped)) {
    throw new DataSetError("no_events", `${file.path}: none of ${rows} rows has a user and an item`);
  }
  requireValid(file, columns.time, check.times, "a time", "say how to read it with --time-format");
  requireValid(file, columns.quantity, check.quantities, "a quantity", "it must be a number");
  const table = await work.create({
    name,
    columns: `${ACTIVITY_COLUMNS},\nposition UInt64`,
    orderBy: "(actor_id, item_id)",
    shardBy: "actor_id",
  });
  await work.run(
    `
INSERT INTO ${table}
WITH toFloat64OrNull(time_text) AS number, replaceRegexpAll(lower(event_text), '[^a-z0-9]', '') AS plain,
  multiIf(event_text = '', {unnamed:String}, mapContains({names:Map(String, String)}, event_text), {names:Map(String, String)}[event_text],
    mapContains({names:Map(String, String)}, plain), {names:Map(String, String)}[plain], event_text) AS named,
  if({hasQuantity:Bool}, toFloat64OrZero(quantity_text), 1) AS pieces
SELECT actor, session, item, if(named = 'purchase' AND pieces < 0, 'refund', named) AS event,
  fromUnixTimestamp64Milli(if({hasTime:Bool}, toInt64(assumeNotNull(${milliseconds})), 0), 'UTC') AS occurred_at,
  toUInt32(least(greatest(1, abs(pieces)), 4000000000)) AS quantity,
  greatest(0, toFloat64OrZero(price_text)) AS price, device, country, position
FROM ${raw}
WHERE actor != '' AND item != ''`,
    parameters,
  );
  return {
    table,
    raw,
    describesItems: [columns.name, columns.category, columns.brand, columns.price].some(
      (column) => column !== undefined,
    ),
    rows,
    skipped: Number(check.skipped),
    hasTime: columns.time !== undefined,
    hasEvent: columns.event !== undefined || columns.quantity !== undefined,
    bySession: columns.user === undefined,
  };
}

function requireValid(
  file: DataFile,
  column: string | undefined,
  [count, [row, value]]: [string, [string, string]],
  what: string,
  advice: string,
): void {
  if (count === "0") return;
  throw new DataSetError(
    "value_invalid",
    `${file.path}, column ${column}, row ${row}: ${JSON.stringify(value)} is not ${what} (${count} such rows); ${advice}`,
  );
}

/** Milliseconds since 1970 of the column `time_text`, which is also `number` when it is one; NULL when it is neither. */
function timeExpression(format: string | undefined): string {
  if (isPattern(format))
    return "toUnixTimestamp64Milli(parseDateTime64InJodaSyntaxOrNull(time_text, {pattern:String}, 'UTC'))";
  const text = "toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(time_text, 3, 'UTC'))";
  if (format === "ISO8601") return text;
  const guess = `if(isNull(number), ${text}, toInt64(round(${GUESSED_MILLISECONDS})))`;
  const number = format === undefined ? undefined : EPOCH_MILLISECONDS[format];
  return number === undefined ? guess : `toInt64(round(${number}))`;
}

function isPattern(format: string | undefined): format is string {
  return format !== undefined && format !== "ISO8601" && EPOCH_MILLISECONDS[format] === undefined;
}

/** A text as ClickHouse reads it whatever its characters. */
export function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
