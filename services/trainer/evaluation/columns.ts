/** Which column of a file holds what. */
import { DataSetError } from "./fault.ts";

/** Columns of a file by what they hold, as the fields of a topic's mapping. */
export interface Fields {
  readonly user?: string;
  /** Whom an event belongs to where there is no user. */
  readonly session?: string;
  readonly item?: string;
  readonly time?: string;
  readonly event?: string;
  readonly quantity?: string;
  /** What an item is called, what kind it is, who makes it. */
  readonly name?: string;
  readonly category?: string;
  readonly brand?: string;
  /** Of one piece. */
  readonly price?: string;
  /** Where a request came from. */
  readonly device?: string;
  readonly country?: string;
}

export type FieldName = keyof Fields;

/** Found without being named: names in use, in lower case without separators, the likelier first. */
const USUAL_NAMES: Readonly<Record<FieldName, readonly string[]>> = {
  user: ["user", "userid", "visitorid", "customerid", "customer", "actorid", "uid", "buyerid", "memberid"],
  session: ["session", "sessionid", "sessid", "visitid", "anonymousid", "invoiceno", "invoice", "orderid", "basketid"],
  item: ["item", "itemid", "productid", "product", "stockcode", "sku", "aid", "articleid", "movieid", "asin", "iid"],
  time: [
    ...["timestamp", "timestamps", "timestampms", "time", "datetime", "occurredat", "eventtime", "ts", "date"],
    ...["invoicedate", "createdat", "unixtime"],
  ],
  event: ["event", "eventtype", "eventname", "action", "behavior", "behaviortype", "type"],
  quantity: ["quantity", "qty"],
  name: ["itemname", "productname", "title", "description", "itemdescription", "productdescription", "name"],
  category: ["category", "itemcategory", "productcategory", "categorycode", "categoryid", "categories"],
  brand: ["brand", "itembrand", "manufacturer"],
  price: ["price", "unitprice", "itemprice"],
  device: ["device", "devicetype"],
  country: ["country", "countrycode"],
};

const OPTIONS: Readonly<Record<FieldName, string>> = {
  user: "--user",
  session: "--session",
  item: "--item",
  time: "--time",
  event: "--event",
  quantity: "--quantity",
  name: "--item-name",
  category: "--item-category",
  brand: "--item-brand",
  price: "--price",
  device: "--device",
  country: "--country",
};

/** What has to be there: who, what, and (for protocols of order) when. */
export interface Needs {
  readonly time: boolean;
}

/**
 * The columns that were named, and for the rest those with a usual name.
 *
 * @param path for messages
 * @throws DataSetError column_missing, naming the columns that there are
 */
export function chooseColumns(path: string, columns: readonly string[], named: Fields, needs: Needs): Fields {
  const chosen: { -readonly [Name in FieldName]?: string } = {};
  for (const name of Object.keys(USUAL_NAMES) as FieldName[]) {
    const column = named[name];
    if (column !== undefined && !columns.includes(column)) {
      throw new DataSetError(
        "column_missing",
        `${path} has no column ${column} (${OPTIONS[name]}); ${listed(columns)}`,
      );
    }
    const found = column ?? usual(name, columns);
    if (found !== undefined) chosen[name] = found;
  }
  if (chosen.user === undefined && chosen.session === undefined) throw missing(path, "user", columns);
  if (chosen.item === undefined) throw missing(path, "item", columns);
  if (needs.time && chosen.time === undefined) throw missing(path, "time", columns);
  return chosen;
}

/** Whether the usual names, or the named ones, are enough to say who and what. */
export function isSufficient(columns: readonly string[], named: Fields): boolean {
  const has = (name: FieldName) => {
    const column = named[name];
    return column === undefined ? usual(name, columns) !== undefined : columns.includes(column);
  };
  return has("item") && (has("user") || has("session"));
}

function usual(name: FieldName, columns: readonly string[]): string | undefined {
  for (const candidate of USUAL_NAMES[name]) {
    const found = columns.find((column) => plain(column) === candidate);
    if (found !== undefined) return found;
  }
  // Units are often part of the name: timestamp_s, time_ms.
  if (name === "time") return columns.find((column) => /^(timestamp|time|ts)(s|ms|us|utc|unix)$/.test(plain(column)));
  return undefined;
}

function plain(column: string): string {
  return column.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

function missing(path: string, name: FieldName, columns: readonly string[]): DataSetError {
  return new DataSetError(
    "column_missing",
    `${path} has no column for the ${name} (looked for ${USUAL_NAMES[name].slice(0, 5).join(", ")}, ...); ${listed(columns)}: name one with ${OPTIONS[name]}`,
  );
}

function listed(columns: readonly string[]): string {
  return `it has ${columns.join(", ")}`;
}
