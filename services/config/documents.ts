/** Takes a text apart into its YAML or JSON documents, and finds the line of a field. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from "yaml";
import type { Path, PathSegment } from "./fault.ts";

/** Aliases may not make a document grow without bound. */
const MAX_ALIASES = 1000;

export interface SyntaxFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface ReadDocument {
  /** Place in the text, from 1. */
  readonly number: number;
  /** Plain data; `undefined` when there are syntax faults. */
  readonly value: unknown;
  readonly syntaxFaults: readonly SyntaxFault[];
  /** Line of the field at a path, or of what encloses it when it is not written. */
  readonly lineOf: (path: Path) => number | undefined;
}

/** Documents that hold nothing but comments are left out. */
export function readDocuments(text: string): ReadDocument[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false });
  if ("empty" in parsed) return [];
  return parsed.flatMap((document, index) => {
    if (isEmpty(document)) return [];
    return [readDocument(document, index + 1, lines)];
  });
}

function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null));
}

function readDocument(document: Document.Parsed, number: number, lines: LineCounter): ReadDocument {
  const syntaxFaults = document.errors.map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { line, column: col, message };
  });
  const lineOf = (path: Path) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  if (syntaxFaults.length > 0) return { number, value: undefined, syntaxFaults, lineOf };
  try {
    return { number, value: document.toJS({ maxAliasCount: MAX_ALIASES }), syntaxFaults, lineOf };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const start = { line: lineOf([]) ?? 1, column: 1, message: error.message };
    return { number, value: undefined, syntaxFaults: [start], lineOf };
  }
}

/** Where the deepest part of the path that is written begins: a field at its name, an entry at its value. */
function offsetOf(document: Document.Parsed, path: Path): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const segment of path) {
    const child = childOf(isAlias(node) ? node.resolve(document) : node, segment);
    if (child === undefined) break;
    offset = startOf(child.mark) ?? offset;
    node = child.value;
  }
  return offset;
}

interface Child {
  /** The node that stands for it in the text. */
  readonly mark: unknown;
  readonly value: unknown;
}

function childOf(node: unknown, segment: PathSegment): Child | undefined {
  if (isSeq(node)) {
    const entry = node.items[Number(segment)];
    return entry === undefined ? undefined : { mark: entry, value: entry };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  return pair && { mark: pair.key, value: pair.value };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
