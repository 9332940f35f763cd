/** Paths into a record, compiled once and followed for every record. */

/** Follows a path; `undefined` when it leads nowhere. */
export type Accessor = (root: unknown, element: unknown) => unknown;

export interface Path {
  /** As written in the resource. */
  readonly text: string;
  /** From the record's root (a JSON Pointer), not from the element of `forEach`. */
  readonly fromRoot: boolean;
  readonly segments: readonly string[];
  readonly get: Accessor;
}

/**
 * Compiles one of the two spellings of a path:
 * - `a.b.c`: from the element of `forEach`, or from the record without one; `.` is the element or record itself;
 * - `/a/b/0`: a JSON Pointer (RFC 6901, with `~0` and `~1`) from the record's root.
 *
 * A number steps into an array. Only a record's own keys are seen, so `constructor` leads nowhere unless the record has it.
 *
 * @throws SyntaxError when the text is neither.
 */
export function compilePath(text: string): Path {
  const fromRoot = text.startsWith("/");
  const segments = fromRoot ? pointerSegments(text) : dottedSegments(text);
  const walk = compileWalk(segments);
  return { text, fromRoot, segments, get: fromRoot ? (root) => walk(root) : (_root, element) => walk(element) };
}

/** Spells the place of `path` in element `index` of the array at `forEach`, in the spelling of `forEach`. */
export function locate(path: Path, forEach: Path | null, index: number): string {
  if (forEach === null || path.fromRoot) return path.text;
  const segments = [...forEach.segments, String(index), ...path.segments];
  return forEach.fromRoot ? segments.map((segment) => `/${escapePointer(segment)}`).join("") : segments.join(".");
}

function pointerSegments(text: string): string[] {
  if (/~(?![01])/.test(text)) throw new SyntaxError(`in a JSON Pointer "~" is written "~0" and "/" is written "~1"`);
  return text
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escapePointer(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

function dottedSegments(text: string): string[] {
  if (text === ".") return [];
  const segments = text.split(".");
  if (segments.includes("")) {
    throw new SyntaxError(
      `"${text}" has an empty step: write a.b.c, or a JSON Pointer such as /a/b/0 for keys with dots`,
    );
  }
  return segments;
}

function compileWalk(segments: readonly string[]): (from: unknown) => unknown {
  const steps = segments.map(compileStep);
  const [first, second] = steps;
  if (first === undefined) return (from) => from;
  if (second === undefined) return first;
  if (steps.length === 2) return (from) => second(first(from));
  return (from) => {
    let value = from;
    for (const step of steps) value = step(value);
    return value;
  };
}

function compileStep(key: string): (from: unknown) => unknown {
  const index = /^(0|[1-9]\d{0,9})$/.test(key) ? Number(key) : -1;
  const inherited = key in Object.prototype;
  return (from) => {
    if (typeof from !== "object" || from === null) return undefined;
    if (Array.isArray(from)) return index < 0 ? undefined : from[index];
    if (inherited && !Object.hasOwn(from, key)) return undefined;
    return (from as Record<string, unknown>)[key];
  };
}
