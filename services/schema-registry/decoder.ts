/**
 * Decodes the records of a schema registry. What takes a question to the registry, and may fail, is one step; decoding
 * by what is then known is another, which does neither.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { compileAvro } from "./avro.ts";
import { compileProtobuf } from "./protobuf.ts";
import { findSchema, type RegisteredSchema } from "./registry.ts";
import type { SchemaRegistryOptions } from "./request.ts";
import { UndecodableError } from "./undecodable.ts";
import { unframe } from "./wire-format.ts";

/** A record's content: JSON text still to be parsed, or the value itself, where no integer has lost a digit. */
export type Decoded =
  | { readonly json: Uint8Array }
  | { readonly value: unknown }
  | { readonly fault: "undecodable" | "schema_unknown"; readonly message: string };

export interface RecordDecoder {
  /**
   * Fetches the schemas of these records, as far as they are not known.
   *
   * @throws SchemaRegistryError when the registry cannot tell; the same call again goes on where it failed
   */
  learn(values: readonly Uint8Array[], signal: AbortSignal): Promise<void>;
  /** Of a record that was learned. Never waits; what is wrong with the record is a fault. */
  decode(value: Uint8Array): Decoded;
}

export interface DecoderOptions extends SchemaRegistryOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Until a schema that the registry does not know is asked for once more, before it is given up. Default 1,000. */
  readonly secondLookMilliseconds?: number;
}

type Known =
  | { readonly decode: (content: Uint8Array) => Decoded }
  /** Asked for again after `until`, in milliseconds since 1970: a schema may come later. */
  | { readonly unknownUntil: number };

const MAX_KNOWN = 1_000;
const ASKED_AT_ONCE = 8;
const UNKNOWN_FOR_MILLISECONDS = 60_000;
const SECOND_LOOK_MILLISECONDS = 1_000;

export function openRecordDecoder(options: DecoderOptions): RecordDecoder {
  return new RegistryDecoder(options);
}

class RegistryDecoder implements RecordDecoder {
  readonly #options: DecoderOptions;
  /** In the order of their last use. */
  readonly #known = new Map<number, Known>();

  constructor(options: DecoderOptions) {
    this.#options = options;
  }

  async learn(values: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const ids = new Set(values.flatMap(schemaIdOf));
    const wanted = [...ids].filter((id) => !this.#use(id));
    this.#forget(ids);
    const missing = await this.#fetch(wanted, signal);
    if (missing.length === 0) return;
    // A registry of several servers may hear of a schema a moment later than its producer's record arrives.
    await sleep(this.#options.secondLookMilliseconds ?? SECOND_LOOK_MILLISECONDS, undefined, { signal });
    const unknownUntil = this.#options.now() + UNKNOWN_FOR_MILLISECONDS;
    for (const id of await this.#fetch(missing, signal)) this.#known.set(id, { unknownUntil });
  }

  decode(value: Uint8Array): Decoded {
    try {
      const { schemaId, content } = unframe(value);
      const known = this.#known.get(schemaId);
      if (known === undefined) throw new Error(`schema ${schemaId} was not learned`);
      if ("decode" in known) return known.decode(content);
      const advice = "is the record of this registry, and was the schema deleted there?";
      return { fault: "schema_unknown", message: `the schema registry has no schema ${schemaId}: ${advice}` };
    } catch (error) {
      if (!(error instanceof UndecodableError)) throw error;
      return { fault: "undecodable", message: error.message };
    }
  }

  /** @returns whether the schema is known well enough */
  #use(id: number): boolean {
    const known = this.#known.get(id);
    if (known === undefined) return false;
    this.#known.delete(id);
    if ("unknownUntil" in known && known.unknownUntil <= this.#options.now()) return false;
    this.#known.set(id, known);
    return true;
  }

  /** The least recently used, except what is needed now. */
  #forget(needed: ReadonlySet<number>): void {
    for (const id of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN || needed.has(id)) return;
      this.#known.delete(id);
    }
  }

  /** @returns those that the registry does not know */
  async #fetch(ids: readonly number[], signal: AbortSignal): Promise<number[]> {
    const missing: number[] = [];
    for (let at = 0; at < ids.length; at += ASKED_AT_ONCE) {
      const asked = ids.slice(at, at + ASKED_AT_ONCE).map(async (id) => {
        const schema = await findSchema(this.#options, id, signal);
        if (schema === null) missing.push(id);
        else this.#known.set(id, { decode: decoderOf(id, schema) });
      });
      const failed = (await Promise.allSettled(asked)).find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    }
    return missing;
  }
}

/** None for a record without one: decoding it says so. */
function schemaIdOf(value: Uint8Array): number[] {
  try {
    return [unframe(value).schemaId];
  } catch {
    return [];
  }
}

function decoderOf(id: number, { type, schema, references }: RegisteredSchema): (content: Uint8Array) => Decoded {
  if (type === "JSON") return (json) => ({ json });
  const fault = (error: unknown): Decoded => {
    const message = `as schema ${id} (${type}): ${error instanceof Error ? error.message : error}`;
    return { fault: "undecodable", message };
  };
  try {
    const read =
      type === "AVRO"
        ? compileAvro(
            schema,
            references.map((reference) => reference.schema),
          )
        : compileProtobuf(schema, references);
    return (content) => {
      try {
        return { value: read(content) };
      } catch (error) {
        return fault(error);
      }
    };
  } catch (error) {
    return () => fault(error);
  }
}
