/** Guesses what a mistyped or misplaced name was meant to be. */
import { distance } from "fastest-levenshtein";
import { pipelineSchema, type Schema } from "../../crds/index.ts";
import { type Path, pathText } from "./fault.ts";

/** The name nearest to `name` by edit distance, letter case aside; none when all differ in more than a third. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  return best([...known].map((text) => ({ text, cost: edits(name, text) })));
}

/**
 * A name for an unknown field: one of its siblings, or a field of that name that stands elsewhere in the resource,
 * given with its path: `serving.autoscaling.maxReplicas`.
 *
 * @param path of the unknown field, from the root of the resource.
 */
export function suggestField(path: Path): string | undefined {
  const name = String(path.at(-1));
  const parent = steps(path.slice(0, -1));
  const siblings = Object.keys(schemaAt(parent)?.properties ?? {}).map((text) => ({
    text,
    cost: 2 * edits(name, text),
  }));
  if (parent[0] !== "spec") return best(siblings);
  const elsewhere = FIELDS.map((field) => ({
    text: pathText(field.path.slice(1)),
    // Further away than a sibling with one slip; of equal ones the nearest in the tree.
    cost: 2 * edits(name, field.name) + 3 - shared(field.path, parent) / 100 + field.path.length / 1000,
  }));
  return best([...siblings, ...elsewhere]);
}

interface Candidate {
  readonly text: string;
  readonly cost: number;
}

function best(candidates: readonly Candidate[]): string | undefined {
  const [first] = candidates.filter(({ cost }) => cost < Number.POSITIVE_INFINITY).sort((a, b) => a.cost - b.cost);
  return first?.text;
}

/** Insertions, deletions and replacements; infinite when the two are too far apart to be the same word. */
function edits(name: string, known: string): number {
  const count = distance(name.toLowerCase(), known.toLowerCase());
  return count <= Math.max(1, Math.floor(Math.max(name.length, known.length) / 3)) ? count : Number.POSITIVE_INFINITY;
}

interface Field {
  readonly name: string;
  readonly path: readonly string[];
}

const FIELDS: readonly Field[] = fieldsOf(pipelineSchema.properties?.spec ?? {}, ["spec"]);

/** Every named field below; `[]` in a path stands for any entry. */
function fieldsOf(schema: Schema, path: readonly string[]): Field[] {
  if (schema.items) return fieldsOf(schema.items, path);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const own = [...path, name];
    return [{ name, path: own }, ...fieldsOf(field, own)];
  });
}

function steps(path: Path): string[] {
  return path.filter((segment) => typeof segment === "string");
}

/** The schema of an object, or of the entries of a list. */
function schemaAt(path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>((schema, name) => {
    const field = schema?.properties?.[name] ?? schema?.additionalProperties;
    return field?.items ?? field;
  }, pipelineSchema);
}

function shared(a: readonly string[], b: readonly string[]): number {
  const differs = a.findIndex((segment, index) => segment !== b[index]);
  return differs < 0 ? a.length : differs;
}
