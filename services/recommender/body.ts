import type { ItemIndex } from "./item-index.ts";
import type { ServedModel } from "./model.ts";
import type { Recommendation, Shelf, Source } from "./recommend.ts";

/** The algorithm behind each source; the latest items come from no model. */
const ALGORITHM_OF = {
  session: "sessionNeighbours",
  similar: "itemNeighbours",
  trending: "trending",
  popular: "popular",
  latest: null,
} as const satisfies Record<Source, keyof ServedModel | null>;

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
  { model, catalogue }: Pick<Shelf, "model" | "catalogue">,
  list: readonly Recommendation[],
  { subject, fallback }: BodyOptions,
): string {
  let entries = "";
  const used = new Set<Source>();
  for (const { item, score, source, because } of list) {
    used.add(source);
    const cause = because === undefined ? "" : `,"because":${items.json(because)}`;
    const version = versionJson(model, source);
    const versionPart = version === undefined ? "" : `,"model":${version}`;
    entries += `${entries === "" ? "" : ","}${catalogue.label(item)},"score":${rounded(score)},"reason":{"type":"${source}"${cause}}${versionPart}}`;
  }
  const versions: string[] = [];
  for (const source of used) {
    const version = versionJson(model, source);
    if (version !== undefined) versions.push(`"${ALGORITHM_OF[source]}":${version}`);
  }
  const head = subject === "" ? "" : `${subject},`;
  const fallbackPart = fallback === undefined ? "" : `"fallback":"${fallback}",`;
  return `{${head}"model":{${versions.join(",")}},${fallbackPart}"items":[${entries}]}`;
}

function versionJson(model: ServedModel, source: Source): string | undefined {
  const algorithm = ALGORITHM_OF[source];
  return algorithm === null ? undefined : model[algorithm]?.versionJson;
}

/** Six significant digits, which is more than any score means. */
function rounded(score: number): number {
  return Number(score.toPrecision(6));
}
