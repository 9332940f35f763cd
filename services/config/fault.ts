/** What is wrong with a resource, and where. */

export type PathSegment = string | number;
export type Path = readonly PathSegment[];

/** A fault within one resource. */
export interface Finding {
  readonly path: Path;
  /** What was expected and what was found. */
  readonly message: string;
  /** What the writer most likely meant. */
  readonly suggestion?: string;
}

/** A fault within a text of several documents. */
export interface Fault {
  /** Name of the file or stream. */
  readonly source: string;
  /** Place of the document in the text, from 1. */
  readonly document: number;
  /** From 1; absent when the text does not show it. */
  readonly line?: number;
  /** `spec.serving.rules[0].items`; `""` for the document itself. */
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

/** Spells a path as Kubernetes does: `spec.source.topics[0].mapping.fields[properties.size]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    if (!/^[\w$-]+$/.test(segment)) return `${text}[${segment}]`;
    return text === "" ? segment : `${text}.${segment}`;
  }, "");
}

export function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((segment, index) => path[index] === segment);
}

/** `FILE:LINE  PATH: MESSAGE; did you mean SUGGESTION?` */
export function faultText({ source, line, path, message, suggestion }: Fault): string {
  const place = line === undefined ? source : `${source}:${line}`;
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return `${place}  ${path === "" ? "" : `${path}: `}${message}${hint}`;
}
