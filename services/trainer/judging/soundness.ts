/** Lists that no model worth its name would give: what is degenerate is never served, however it scores. */
import type { WorkTables } from "../work-tables.ts";

export interface Lists {
  readonly lists: number;
  /** Lists with a score that is no finite number. */
  readonly notFinite: number;
  /** Lists of more than one item, and those of them in which all scores are equal. */
  readonly long: number;
  readonly constant: number;
  /** Distinct items in all lists. */
  readonly items: number;
}

/** @param ranked table of RANKED_COLUMNS @throws ClickHouseError */
export async function describeLists(work: WorkTables, ranked: string): Promise<Lists> {
  const [row] = await work.clickhouse.query<Record<keyof Lists, string>>(`
SELECT count() AS lists, countIf(arrayExists(score -> NOT isFinite(score), scores)) AS notFinite,
  countIf(length(scores) > 1) AS long, countIf(length(scores) > 1 AND arrayMin(scores) = arrayMax(scores)) AS constant,
  length(groupUniqArrayArray(ranked)) AS items
FROM ${ranked}`);
  const number = (name: keyof Lists) => Number(row?.[name] ?? 0);
  return {
    lists: number("lists"),
    notFinite: number("notFinite"),
    long: number("long"),
    constant: number("constant"),
    items: number("items"),
  };
}

/**
 * @param room items that the lists could have held: of few lists none can hold the whole catalogue
 * @returns why the lists are degenerate, or `undefined`
 */
export function degenerate(found: Lists, room: number, minCoveragePercent: number): string | undefined {
  if (found.lists === 0) return "it has no list for anybody";
  if (found.notFinite > 0) return `${found.notFinite} lists have scores that are no numbers`;
  if (found.long > 0 && found.constant === found.long) return "all scores of each list are equal";
  const percent = (100 * found.items) / Math.max(1, room);
  if (percent >= minCoveragePercent) return undefined;
  return `its lists hold ${found.items} of ${room} items (${percent.toFixed(1)} %), gate.minCoveragePercent asks for ${minCoveragePercent} %`;
}
