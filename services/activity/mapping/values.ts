/** Reading typed values out of a record: what is accepted as what, and the fault when it is not. */

import type { Path } from "./path.ts";
import { type Reading, shown } from "./reading.ts";
import { numberOf } from "./time.ts";

/** Longest texts that are accepted, in characters (UTF-16 code units). */
export const MAX_CHARACTERS = { id: 512, text: 8_192, description: 65_536 } as const;

/** Where a field's value comes from. */
export interface Source {
  /** Our name of the field. */
  readonly field: string;
  /** `null`: a constant alone. */
  readonly path: Path | null;
  /** Taken where the record has none. */
  readonly constant: string | undefined;
}

/** What the tables' columns hold: UInt32 and Decimal(18, 4). */
const MAX_QUANTITY = 4_294_967_295;
const MAX_PRICE = 99_999_999_999_999;

/** The raw value; `undefined` when absent, `null` or `""`. */
export function readRaw(reading: Reading, source: Source): unknown {
  if (source.path === null) return source.constant;
  const value = source.path.get(reading.root, reading.element);
  return value === undefined || value === null || value === "" ? source.constant : value;
}

/** An id: text or an integer of any length. `""` when absent or at fault. */
export function readId(reading: Reading, source: Source | null): string {
  if (source === null) return "";
  const value = readRaw(reading, source);
  if (typeof value === "string") return checkedText(reading, source, value, MAX_CHARACTERS.id);
  if (value === undefined) return "";
  if (typeof value === "number" && Number.isInteger(value)) {
    const digits = integerText(reading, source, value);
    if (digits !== null) return checkedText(reading, source, digits, MAX_CHARACTERS.id);
  }
  return fault(reading, source, `is ${shown(value)}, expected text or an integer`);
}

/** Text; a number becomes its decimal form. `""` when absent or at fault. */
export function readText(reading: Reading, source: Source | null, maxCharacters: number): string {
  if (source === null) return "";
  const value = readRaw(reading, source);
  if (typeof value === "string") return checkedText(reading, source, value, maxCharacters);
  if (value === undefined) return "";
  if (typeof value === "number" && Number.isFinite(value)) return integerText(reading, source, value) ?? String(value);
  return fault(reading, source, `is ${shown(value)}, expected text`);
}

/** Any JSON value as text: text as it is, everything else as JSON. `""` when absent or at fault. */
export function readAnyAsText(reading: Reading, source: Source): string {
  const value = readRaw(reading, source);
  if (typeof value === "string") return checkedText(reading, source, value, MAX_CHARACTERS.text);
  if (value === undefined) return "";
  if (typeof value === "number") return readText(reading, source, MAX_CHARACTERS.text);
  const json = jsonText(reading, source, value);
  return json === null ? "" : checkedText(reading, source, json, MAX_CHARACTERS.text);
}

/** A finite number or a text that is one; `null` when absent or at fault. */
export function readNumber(reading: Reading, source: Source | null): number | null {
  if (source === null) return null;
  const value = readRaw(reading, source);
  if (value === undefined) return null;
  const number = numberOf(value);
  if (Number.isFinite(number)) return number;
  fault(reading, source, `is ${shown(value)}, expected a finite number such as 12.5, without separators or currency`);
  return null;
}

/** A price: a number, at least 0; `null` when absent or at fault. */
export function readPrice(reading: Reading, source: Source | null): number | null {
  const price = readNumber(reading, source);
  if (source === null || price === null || (price >= 0 && price <= MAX_PRICE)) return price;
  fault(reading, source, `is ${price}, expected a price from 0 to ${MAX_PRICE} (a refund is an event of its own)`);
  return null;
}

/** Pieces: a whole number other than 0, below 0 for goods that come back; 1 when absent or at fault. */
export function readQuantity(reading: Reading, source: Source | null): number {
  const quantity = readNumber(reading, source);
  if (source === null || quantity === null) return 1;
  if (Number.isInteger(quantity) && quantity !== 0 && Math.abs(quantity) <= MAX_QUANTITY) return quantity;
  fault(reading, source, `is ${quantity}, expected a whole number of pieces from 1 to ${MAX_QUANTITY}`);
  return 1;
}

/** An ISO 4217 code in capitals; `""` when absent or at fault. */
export function readCurrency(reading: Reading, source: Source | null): string {
  const currency = readText(reading, source, MAX_CHARACTERS.text);
  if (source === null || currency === "" || /^[A-Z]{3}$/.test(currency)) return currency;
  if (/^[A-Za-z]{3}$/.test(currency)) return currency.toUpperCase();
  return fault(reading, source, `is ${shown(currency)}, expected a currency code of three letters such as EUR`);
}

/** `true`, `false`, `1`, `0`, or one of them as text; `undefined` when absent or at fault. */
export function readBoolean(reading: Reading, source: Source): boolean | undefined {
  const value = readRaw(reading, source);
  if (value === undefined || typeof value === "boolean") return value;
  const text = String(value).toLowerCase();
  if (typeof value !== "object" && (text === "true" || text === "1")) return true;
  if (typeof value !== "object" && (text === "false" || text === "0")) return false;
  fault(reading, source, `is ${shown(value)}, expected true or false`);
  return undefined;
}

/** Texts, each as long as an id may be, from an array or a single value; `undefined` when absent or at fault. */
export function readTexts(reading: Reading, source: Source): string[] | undefined {
  const value = readRaw(reading, source);
  if (value === undefined) return undefined;
  const texts: string[] = [];
  for (const entry of Array.isArray(value) ? exactEntries(reading, source, value) : [readId(reading, source)]) {
    if (entry === null || entry === "") continue;
    if (typeof entry === "string") texts.push(checkedText(reading, source, entry, MAX_CHARACTERS.id));
    else if (typeof entry === "number" && Number.isFinite(entry)) texts.push(String(entry));
    else fault(reading, source, `holds ${shown(entry)}, expected texts`);
  }
  return reading.faulty ? undefined : texts;
}

/** Finite numbers from an array; `undefined` when absent or at fault. */
export function readNumbers(reading: Reading, source: Source): number[] | undefined {
  const value = readRaw(reading, source);
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((entry) => typeof entry === "number" && Number.isFinite(entry))) return value;
  fault(reading, source, `is ${shown(value)}, expected an array of finite numbers`);
  return undefined;
}

/** Notes that a field is missing. */
export function missing(reading: Reading, source: Source, why: string): void {
  if (source.path === null) return;
  const value = source.path.get(reading.root, reading.element);
  const found = value === undefined ? "the record has no" : "there is nothing in";
  const message = `${why}: ${found} ${source.path.text}; ${reading.describeKeys()}`;
  reading.reject("field_missing", reading.locate(source.path), message);
}

/** A text that did not come through JSON, or is not known to be sound: length, NUL, lone surrogates. */
export function isStorable(text: string, maxCharacters: number): boolean {
  return text.length <= maxCharacters && !text.includes("\0") && text.isWellFormed();
}

function exactEntries(reading: Reading, source: Source, entries: readonly unknown[]): readonly unknown[] {
  if (source.path === null || !entries.some(isInexactInteger)) return entries;
  const exact = reading.getExactly(source.path);
  return Array.isArray(exact) ? exact : entries;
}

/** Any JSON value as JSON text with the digits of large integers; `null` when at fault. */
function jsonText(reading: Reading, source: Source, value: unknown): string | null {
  try {
    const json = JSON.stringify(value);
    const isExact = source.path === null || !/\d{16}/.test(json);
    return isExact ? json : JSON.stringify(reading.getExactly(source.path) ?? value);
  } catch {
    fault(reading, source, "is nested too deeply, expected a flat value");
    return null;
  }
}

function isInexactInteger(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

/** The digits of an integer as they were sent; `null` when the record wrote it in another way (1e30). */
function integerText(reading: Reading, source: Source, value: number): string | null {
  if (!isInexactInteger(value) || source.path === null) return String(value);
  const exact = reading.getExactly(source.path);
  return typeof exact === "string" ? exact : null;
}

function checkedText(reading: Reading, source: Source, text: string, maxCharacters: number): string {
  if (text.length > maxCharacters) {
    const start = shown(text);
    const message = `${source.field} is longer than ${maxCharacters} characters: ${start}`;
    reading.reject("field_too_long", placeOf(reading, source), message);
    return "";
  }
  if (reading.escaped && !isStorable(text, maxCharacters)) {
    const what = text.includes("\0") ? "U+0000 (NUL)" : "half of a surrogate pair";
    const message = `${source.field} holds ${what}, which no text column can store: ${shown(text)}`;
    reading.reject("invalid_character", placeOf(reading, source), message);
    return "";
  }
  return text;
}

function fault(reading: Reading, source: Source, message: string): "" {
  reading.reject("field_type", placeOf(reading, source), `${source.field} ${message}`);
  return "";
}

/** Where a source's value stands in the record, for a rejection. */
export function placeOf(reading: Reading, source: Source): string {
  return source.path === null ? "" : reading.locate(source.path);
}
