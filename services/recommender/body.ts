import type { ItemIndex } from "./item-index.ts";
import type { ServedVersion } from "./model.ts";
import type { Recommendation, Shelf, Source } from "./recommend.ts";

export interface BodyOptions {
  /** Members before the list, as JSON text without braces: `"user":"42"`; empty for none. */
  readonly subject: string;
  /** Says that the list holds nothing from where it should come, and what it holds instead. */
  readonly fallback: Source | undefined;
}

/**
 * The JSON of an answer, put together from parts that are text already: a general serialiser took more time than the
 * ranking.
 */
export function answerBody(
  items: ItemIndex,
  { catalogue }: Pick<Shelf, "catalogue">,
  list: readonly Recommendation[],
  { subject, fallback }: BodyOptions,
): string {
  let entries = "";
  const used = new Set<ServedVersion>();
  for (const { item, score, source, from, because } of list) {
    if (from !== null) used.add(from);
    const cause = because === undefined ? "" : `,"because":${items.json(because)}`;
    const versionPart = from === null ? "" : `,"model":${from.versionJson}`;
    entries += `${entries === "" ? "" : ","}${catalogue.label(item)},"score":${rounded(score)},"reason":{"type":"${source}"${cause}}${versionPart}}`;
  }
  const versions = [...used].map(({ algorithm, versionJson }) => `"${algorithm}":${versionJson}`);
  const head = subject === "" ? "" : `${subject},`;
  const fallbackPart = fallback === undefined ? "" : `"fallback":"${fallback}",`;
  return `{${head}"model":{${versions.join(",")}},${fallbackPart}"items":[${entries}]}`;
}

/** Six significant digits, which is more than any score means. */
function rounded(score: number): number {
  return Number(score.toPrecision(6));
}
