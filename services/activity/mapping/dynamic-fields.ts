import { LRUCache } from "lru-cache";
import { compilePath } from "./path.ts";
import { type Reading, shown } from "./reading.ts";
import { isStorable, MAX_CHARACTERS, readAnyAsText, type Source } from "./values.ts";

/** More names than a shop's properties have; senders that invent names do not fill the memory. */
const CACHED_NAMES = 1000;

export const NO_FIELDS: Readonly<Record<string, string>> = Object.freeze({});

/** Sets an own field, `__proto__` too; `""` counts as absent. */
export function setField(fields: Record<string, string>, name: string, value: string): void {
  if (value === "") return;
  if (name !== "__proto__") fields[name] = value;
  else Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * Compiles the reading of fields whose names the sender chooses, in ProductMatcher's own JSON.
 *
 * @param parent the field that holds them, `""` for the record itself.
 * @param except names that are no such fields.
 * @returns reads them as text by name; see readAnyAsText.
 */
export function compileDynamicFields(
  parent: string,
  except: ReadonlySet<string>,
): (reading: Reading) => Readonly<Record<string, string>> {
  const prefix = parent === "" ? "" : `/${parent}`;
  const parentPath = compilePath(parent === "" ? "." : parent);
  const sources = new LRUCache<string, Source>({ max: CACHED_NAMES });
  const sourceOf = (name: string) => {
    const known = sources.get(name);
    if (known !== undefined) return known;
    const path = compilePath(`${prefix}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    const source = { field: parent === "" ? name : `${parent}.${name}`, path, constant: undefined };
    sources.set(name, source);
    return source;
  };
  return (reading) => {
    const holder = parentPath.get(reading.root, reading.root);
    if (holder === undefined || holder === null || holder === "") return NO_FIELDS;
    if (typeof holder !== "object" || Array.isArray(holder)) {
      reading.reject("field_type", parent, `${parent} is ${shown(holder)}, expected an object`);
      return NO_FIELDS;
    }
    const fields: Record<string, string> = {};
    for (const name of Object.keys(holder)) {
      if (except.has(name)) continue;
      if (isStorable(name, MAX_CHARACTERS.id)) {
        setField(fields, name, readAnyAsText(reading, sourceOf(name)));
        continue;
      }
      const message = `a name holds NUL or half of a surrogate pair, or is longer than ${MAX_CHARACTERS.id} characters: ${shown(name)}`;
      reading.reject(name.length > MAX_CHARACTERS.id ? "field_too_long" : "invalid_character", parent, message);
    }
    return fields;
  };
}
