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
 * Each is averaged over all cases; one without a list counts 0. Of all lists together, each item as often as it is
 * listed:
 *
 *     coverage    share of the catalogue that is in at least one list
 *     novelty     mean of -log2(the item's share of all weight): bits that its being listed tells; an item without
 *                 weight tells as much as the rarest with some
 *     arp         mean of the item's weight over the largest weight of an item (average recommendation popularity)
 *     gini        of how often each item of the catalogue is listed: 0 all alike, near 1 always the same few
 *
 * And where items are held out that nobody had touched before, but that the catalogue has (cold ones), over the cases with
 * such items C:
 *
 *     coldRecall  hits of C / |C|
 *     coldRandom  what a list drawn by chance would reach of it: k / items that could be listed
 *
 * diversity@k is in diversity.ts.
 *
 * Recall and NDCG are those of LightGCN (He et al., SIGIR 2020) and the papers that compare with it.
 */
import type { WorkTables } from "../work-tables.ts";

/** By name and cutoff, such as `ndcg@20`: 0 to 1, but for novelty, which is in bits. */
export type Metrics = Readonly<Record<string, number>>;

export const METRIC_NAMES = [
  "recall",
  "ndcg",
  "mrr",
  "hitRate",
  "precision",
  "map",
  "coverage",
  "novelty",
  "arp",
  "gini",
  "coldRecall",
  "coldRandom",
  "diversity",
] as const;

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

/** Metrics that are averages over cases. */
export type AveragedMetric = keyof typeof AVERAGED;

/**
 * @param cases table with (case UInt32, masked Array(UInt32), truth Array(UInt32), relevant UInt32); `relevant` is |T|, at least 1, also where
 * an item of T has no number and so is not in `truth`
 * @param ranked table with (case UInt32, ranked Array(UInt32)), each list at least as long as the largest cutoff or
 * with all there is
 * @param items table with (item UInt32, degree Float64): all that a list could hold
 * @returns every metric at every cutoff, those of cold items where there are some; empty without cases
 * @throws ClickHouseError
 */
export async function measure(
  work: WorkTables,
  cases: string,
  ranked: string,
  items: string,
  cutoffs: readonly number[],
): Promise<Metrics> {
  const [row] = await work.clickhouse.query<Record<keyof typeof AVERAGED, string[]> & { cases: string }>(
    `
WITH {cutoffs:Array(UInt32)} AS cutoffs
SELECT count() AS cases, ${AVERAGE_SUMS}
FROM (
  SELECT c.relevant AS relevant,
    arrayFilter((position, item) -> has(c.truth, item), arrayEnumerate(r.ranked), r.ranked) AS hits
  FROM ${cases} AS c GLOBAL LEFT JOIN ${ranked} AS r ON c.case = r.case
)`,
    { cutoffs },
  );
  const count = Number(row?.cases ?? 0);
  if (row === undefined || count === 0) return {};
  const metrics: Record<string, number> = { ...averagesOf(row, count, cutoffs) };
  for (const cutoff of cutoffs) {
    Object.assign(metrics, await measureListed(work, ranked, items, cutoff));
    Object.assign(metrics, await measureCold(work, cases, ranked, items, cutoff));
  }
  return metrics;
}

/** Counts are whole numbers and degrees multiples of 2^-20; parts of them are added up in the order of the items. */
async function measureListed(work: WorkTables, ranked: string, items: string, cutoff: number): Promise<Metrics> {
  const [row] = await work.clickhouse.query<Record<"coverage" | "novelty" | "arp" | "gini", number>>(
    `
WITH arrayMax(degrees) AS largest, arrayMin(arrayFilter(degree -> degree > 0, degrees)) AS least, arraySum(degrees) AS whole, length(listed) AS catalogue, arraySum(listed) AS total
SELECT arrayCount(times -> times > 0, listed) / catalogue AS coverage,
  if(total = 0, 0, arraySum((times, degree) -> times * -log2(greatest(degree, least) / whole), listed, degrees) / total) AS novelty,
  if(total = 0, 0, arraySum((times, degree) -> times * degree / largest, listed, degrees) / total) AS arp,
  if(total = 0, 0, 2 * arraySum((times, place) -> times * place, arraySort(listed), arrayEnumerate(listed)) / (catalogue * total)
    - (catalogue + 1) / catalogue) AS gini
FROM (
  SELECT groupArray(times) AS listed, groupArray(degree) AS degrees
  FROM (
    SELECT i.item AS item, i.degree AS degree, toUInt64(l.times) AS times
    FROM ${items} AS i
    GLOBAL LEFT JOIN (
      SELECT item, count() AS times FROM ${ranked} ARRAY JOIN arraySlice(ranked, 1, {cutoff:UInt32}) AS item GROUP BY item
    ) AS l ON i.item = l.item
    ORDER BY item
  )
)`,
    { cutoff },
  );
  const names = ["coverage", "novelty", "arp", "gini"] as const;
  return Object.fromEntries(names.map((name) => [`${name}@${cutoff}`, row?.[name] ?? 0]));
}

async function measureCold(
  work: WorkTables,
  cases: string,
  ranked: string,
  items: string,
  cutoff: number,
): Promise<Metrics> {
  const [row] = await work.clickhouse.query<Record<"cases" | "recall" | "random", string>>(
    `
WITH {cutoff:UInt32} AS k, (SELECT groupArray(item) FROM ${items} WHERE degree = 0) AS untouched,
  (SELECT count() FROM ${items}) AS catalogue
SELECT count() AS cases, sum(toUInt64(round(length(arrayIntersect(cold, listed)) / length(cold) * ${SCALE}))) AS recall,
  sum(toUInt64(round(least(1, k / (catalogue - length(masked))) * ${SCALE}))) AS random
FROM (
  SELECT c.masked AS masked, arrayIntersect(c.truth, untouched) AS cold, arraySlice(r.ranked, 1, k) AS listed
  FROM ${cases} AS c GLOBAL LEFT JOIN ${ranked} AS r ON c.case = r.case
  WHERE notEmpty(cold)
)`,
    { cutoff },
  );
  const count = Number(row?.cases ?? 0);
  if (row === undefined || count === 0) return {};
  const mean = (sum: string) => Number(sum) / SCALE / count;
  return { [`coldRecall@${cutoff}`]: mean(row.recall), [`coldRandom@${cutoff}`]: mean(row.random) };
}

/**
 * One metric of each case, in the order of their numbers.
 *
 * @throws ClickHouseError
 */
export async function measureCases(
  work: WorkTables,
  cases: string,
  ranked: string,
  metric: AveragedMetric,
  cutoff: number,
): Promise<Float64Array> {
  const rows = await work.clickhouse.query<{ value: number }>(
    `
WITH {cutoff:UInt32} AS k
SELECT ${inSql(AVERAGED[metric])} AS value
FROM (
  SELECT c.case AS case, c.relevant AS relevant,
    arrayFilter((position, item) -> has(c.truth, item), arrayEnumerate(r.ranked), r.ranked) AS hits
  FROM ${cases} AS c GLOBAL LEFT JOIN ${ranked} AS r ON c.case = r.case
)
ORDER BY case`,
    { cutoff },
  );
  return Float64Array.from(rows, ({ value }) => value);
}

/** Of rows with (relevant, hits), positions of hits ascending, and `cutoffs`: a sum by cutoff for each averaged metric. */
export const AVERAGE_SUMS = Object.entries(AVERAGED)
  .map(
    ([name, formula]) => `sumForEach(arrayMap(k -> toUInt64(round(${inSql(formula)} * ${SCALE})), cutoffs)) AS ${name}`,
  )
  .join(", ");

/** @param sums a row of AVERAGE_SUMS over so many cases */
export function averagesOf(
  sums: Readonly<Record<string, string | readonly string[]>>,
  cases: number,
  cutoffs: readonly number[],
): Metrics {
  const names = Object.keys(AVERAGED);
  return Object.fromEntries(
    cutoffs.flatMap((cutoff, at) =>
      names.map((name) => [`${name}@${cutoff}`, Number(sums[name]?.[at] ?? 0) / SCALE / cases]),
    ),
  );
}

function inSql(formula: string): string {
  return formula.replaceAll("hits_at(k)", "arrayCount(p -> p <= k, hits)").replaceAll("ideal(k)", "least(k, relevant)");
}
