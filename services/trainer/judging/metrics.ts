/**
 * Ranking metrics, computed where the lists are.
 *
 * For one case with the list L of k items and the held-out items T (hit(p): the item at position p from 1 is in T):
 *
 *     recall      hits / |T|
 *     precision   hits / k
 *     hitRate     1 when there is a hit, else 0
 *     mrr         1 / position of the first hit, 0 without one
 *     ndcg        sum hit(p) / log2(p + 1)  over  sum of 1 / log2(p + 1) for p = 1 .. min(k, |T|)
 *     map         sum hit(p) x (hits up to p) / p  over  min(k, |T|)
 *
 * Each is averaged over all cases; one without a list counts 0. coverage is the share of the catalogue that is in at
 * least one list. Recall and NDCG are those of LightGCN (He et al., SIGIR 2020) and the papers that compare with it.
 */
import type { WorkTables } from "../work-tables.ts";

/** By name and cutoff, such as `ndcg@20`, 0 to 1. */
export type Metrics = Readonly<Record<string, number>>;

export const METRIC_NAMES = ["recall", "ndcg", "mrr", "hitRate", "precision", "map", "coverage"] as const;

/** Sums of averages are in fixed point, so that they do not depend on the order of adding. */
const SCALE = 2 ** 36;

const AVERAGED = {
  recall: "hits_at(k) / relevant",
  precision: "hits_at(k) / k",
  hitRate: "(hits_at(k) > 0)",
  mrr: "if(notEmpty(hits) AND hits[1] <= k, 1 / hits[1], 0)",
  ndcg: "arraySum(p -> if(p <= k, 1 / log2(p + 1), 0), hits) / arraySum(p -> 1 / log2(p + 1), range(1, ideal(k) + 1))",
  map: "arraySum((p, n) -> if(p <= k, n / p, 0), hits, arrayEnumerate(hits)) / ideal(k)",
};

/**
 * @param cases table with (case UInt32, truth Array(UInt32), relevant UInt32); `relevant` is |T|, at least 1, also where
 * an item of T has no number and so is not in `truth`
 * @param ranked table with (case UInt32, ranked Array(UInt32)), each list at least as long as the largest cutoff or
 * with all there is
 * @param catalogue number of items that a list could hold
 * @returns every metric at every cutoff; empty without cases
 * @throws ClickHouseError
 */
export async function measure(
  work: WorkTables,
  cases: string,
  ranked: string,
  catalogue: number,
  cutoffs: readonly number[],
): Promise<Metrics> {
  const sums = Object.entries(AVERAGED).map(
    ([name, formula]) => `sumForEach(arrayMap(k -> toUInt64(round(${inSql(formula)} * ${SCALE})), cutoffs)) AS ${name}`,
  );
  const [row] = await work.clickhouse.query<Record<keyof typeof AVERAGED, string[]> & { cases: string }>(
    `
WITH {cutoffs:Array(UInt32)} AS cutoffs
SELECT count() AS cases, ${sums.join(", ")}
FROM (
  SELECT c.relevant AS relevant,
    arrayFilter((position, item) -> has(c.truth, item), arrayEnumerate(r.ranked), r.ranked) AS hits
  FROM ${cases} AS c GLOBAL LEFT JOIN ${ranked} AS r ON c.case = r.case
)`,
    { cutoffs },
  );
  const count = Number(row?.cases ?? 0);
  if (row === undefined || count === 0) return {};
  const metrics: Record<string, number> = {};
  for (const [index, cutoff] of cutoffs.entries()) {
    for (const name of Object.keys(AVERAGED) as (keyof typeof AVERAGED)[]) {
      metrics[`${name}@${cutoff}`] = Number(row[name][index]) / SCALE / count;
    }
    const [listed] = await work.clickhouse.query<{ items: string }>(
      `SELECT uniqExact(item) AS items FROM ${ranked} ARRAY JOIN arraySlice(ranked, 1, {cutoff:UInt32}) AS item`,
      { cutoff },
    );
    metrics[`coverage@${cutoff}`] = Number(listed?.items ?? 0) / Math.max(1, catalogue);
  }
  return metrics;
}

function inSql(formula: string): string {
  return formula.replaceAll("hits_at(k)", "arrayCount(p -> p <= k, hits)").replaceAll("ideal(k)", "least(k, relevant)");
}
