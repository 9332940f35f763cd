/** Reads the pipelines of a text: what every command that takes `-f FILE` begins with. */
import { API_VERSION, GROUP, KIND, type RecommenderPipeline } from "../../crds/index.ts";
import { isRecord } from "./defaults.ts";
import { type ReadDocument, readDocuments } from "./documents.ts";
import { type Fault, type Finding, pathText } from "./fault.ts";
import { validatePipeline } from "./validate.ts";

export interface ReadPipelines {
  /** The valid ones, with every default filled in, in the order of the text. */
  readonly pipelines: readonly RecommenderPipeline[];
  readonly faults: readonly Fault[];
  /** What was skipped, or is allowed and most likely not meant. */
  readonly notes: readonly string[];
}

/**
 * Reads YAML or JSON of any number of documents. Documents of another kind are skipped with a note; a text without any
 * RecommenderPipeline is at fault, as are two of the same namespace and name.
 *
 * @param source name of the file or stream, for the faults.
 */
export function readPipelines(text: string, { source }: { readonly source: string }): ReadPipelines {
  const documents = readDocuments(text);
  const ours = documents.filter(isOurs);
  const syntaxFaults = documents.flatMap((document) => syntaxFaultsOf(document, source));
  const notes = documents.flatMap((document) => skipNote(document, source));
  if (ours.length === 0) {
    const missing: Fault = { source, document: 0, path: "", message: `no document of kind ${KIND} (${API_VERSION})` };
    return { pipelines: [], faults: syntaxFaults.length > 0 ? syntaxFaults : [missing], notes };
  }
  const judged = ours.map((document) => ({ document, ...validatePipeline(document.value) }));
  const repeated = new Map(repeats(ours).map(({ document, finding }) => [document, finding]));
  return {
    pipelines: judged.flatMap(({ document, pipeline }) => (pipeline && !repeated.has(document) ? [pipeline] : [])),
    faults: [
      ...syntaxFaults,
      ...judged.flatMap(({ document, faults }) => {
        const repeat = repeated.get(document);
        const all = [...(repeat ? [repeat] : []), ...faults].map((finding) => faultAt(document, finding, source));
        return all.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
      }),
    ],
    notes: [...notes, ...judged.flatMap((judgement) => judgement.notes.map((note) => `${source}: ${note}`))],
  };
}

/** By kind; a mistyped kind is known by its group. */
function isOurs({ value }: ReadDocument): boolean {
  if (!isRecord(value)) return false;
  return value.kind === KIND || String(value.apiVersion).startsWith(`${GROUP}/`);
}

function skipNote(document: ReadDocument, source: string): string[] {
  if (isOurs(document) || document.syntaxFaults.length > 0) return [];
  const { value } = document;
  const kind = isRecord(value) && typeof value.kind === "string" ? `is of kind ${value.kind}` : "has no kind";
  return [`${source}: document ${document.number} ${kind} and was skipped`];
}

function syntaxFaultsOf({ number, syntaxFaults }: ReadDocument, source: string): Fault[] {
  return syntaxFaults.map(({ line, column, message }) => {
    return { source, document: number, line, path: "", message: `column ${column}: ${message}` };
  });
}

function faultAt(document: ReadDocument, { path, ...rest }: Finding, source: string): Fault {
  const line = document.lineOf(path);
  return { source, document: document.number, ...(line === undefined ? {} : { line }), path: pathText(path), ...rest };
}

function repeats(documents: readonly ReadDocument[]): { document: ReadDocument; finding: Finding }[] {
  const seen = new Map<string, number>();
  return documents.flatMap((document) => {
    const name = nameOf(document);
    const first = name === undefined ? undefined : seen.get(name);
    if (name !== undefined && first === undefined) seen.set(name, document.number);
    if (first === undefined) return [];
    const message = `document ${first} has the same namespace and name: ${name}`;
    return [{ document, finding: { path: ["metadata", "name"], message } }];
  });
}

function nameOf({ value }: ReadDocument): string | undefined {
  const metadata = isRecord(value) ? value.metadata : undefined;
  if (!isRecord(metadata) || typeof metadata.name !== "string") return undefined;
  return typeof metadata.namespace === "string" ? `${metadata.namespace}/${metadata.name}` : metadata.name;
}
