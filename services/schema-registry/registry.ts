/**
 * Schemas by their ids, from a registry that speaks Confluent's API.
 */
import { z } from "zod";
import type { JsonAnswer } from "../http/request.ts";
import { SchemaRegistryError } from "./errors.ts";
import { ask, type SchemaRegistryOptions } from "./request.ts";

export interface RegisteredSchema {
  readonly type: "AVRO" | "PROTOBUF" | "JSON";
  readonly schema: string;
  /** What it refers to, directly or not: each after those that it refers to itself. */
  readonly references: readonly { readonly name: string; readonly schema: string }[];
}

const MAX_REFERENCES = 200;
/** The registry's own codes: the subject, the version or the schema is not there. Any other 404 is another server's. */
const NOT_FOUND = new Set([40401, 40402, 40403, 40406, 40407]);

const answered = z.looseObject({
  schema: z.string(),
  schemaType: z.enum(["AVRO", "PROTOBUF", "JSON"]).default("AVRO"),
  references: z
    .array(z.looseObject({ name: z.string(), subject: z.string(), version: z.number().int() }))
    .nullish()
    .transform((references) => references ?? []),
});

/**
 * @returns `null` when the registry has no schema of this id
 * @throws SchemaRegistryError when it cannot be told; the signal's reason when it was aborted
 */
export async function findSchema(
  options: SchemaRegistryOptions,
  id: number,
  signal: AbortSignal,
): Promise<RegisteredSchema | null> {
  const found = await get(options, `/schemas/ids/${id}`, signal);
  if (found === null) return null;
  const references = new Map<string, string>();
  await follow(options, found.references, references, signal);
  return {
    type: found.schemaType,
    schema: found.schema,
    references: [...references].map(([name, schema]) => ({ name, schema })),
  };
}

type Found = z.output<typeof answered>;

/** Depth first, so that each comes after what it refers to. A reference that is gone is left out: the compiler misses it. */
async function follow(
  options: SchemaRegistryOptions,
  wanted: Found["references"],
  into: Map<string, string>,
  signal: AbortSignal,
  above: readonly string[] = [],
): Promise<void> {
  for (const { name, subject, version } of wanted) {
    if (into.has(name) || above.includes(name)) continue;
    if (into.size + above.length >= MAX_REFERENCES) {
      throw new SchemaRegistryError("invalid_answer", `a schema refers to more than ${MAX_REFERENCES} others`);
    }
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}?deleted=true`;
    const found = await get(options, path, signal);
    if (found === null) continue;
    await follow(options, found.references, into, signal, [...above, name]);
    into.set(name, found.schema);
  }
}

async function get(options: SchemaRegistryOptions, path: string, signal: AbortSignal): Promise<Found | null> {
  const answer = await ask(options, path, signal);
  const place = `${options.url}${path}`;
  if (answer.status === 404 && NOT_FOUND.has(errorCode(answer))) return null;
  if (answer.status !== 200) throw refusal(answer, place);
  const parsed = answered.safeParse(answer.body);
  if (parsed.success) return parsed.data;
  const what = z.prettifyError(parsed.error).split("\n")[0];
  throw new SchemaRegistryError("invalid_answer", `${place} answers with something else than a schema: ${what}`);
}

function errorCode({ body }: JsonAnswer): number {
  return typeof body === "object" && body !== null && "error_code" in body ? Number(body.error_code) : 0;
}

function refusal({ status, body }: JsonAnswer, place: string): SchemaRegistryError {
  const said = typeof body === "object" && body !== null && "message" in body ? ` (${body.message})` : "";
  if (status === 401 || status === 403) {
    const advice = "check schemaRegistry.credentials and what they may read";
    return new SchemaRegistryError("sign_in_refused", `${place} answers ${status}${said}; ${advice}`);
  }
  if (status === 404 || (status >= 300 && status < 400)) {
    const advice = "is this the registry's address, with its path?";
    return new SchemaRegistryError("no_registry", `${place} answers ${status}${said}; ${advice}`);
  }
  return new SchemaRegistryError("refused", `${place} answers ${status}${said}`);
}
