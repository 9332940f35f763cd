/** For whom, and for which items, a model is good: the cases in parts. */
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import { AVERAGE_SUMS, averagesOf, type Metrics } from "./metrics.ts";

/**
 * `newUsers` have at most two items behind them; of the others `heavyUsers` are the fifth with the longest histories (more
 * than four in five of them have), and `lightUsers` the rest. `newItems` are the cases with held-out items that nobody had
 * touched before: these alone count as right there.
 */
export const COHORTS = ["newUsers", "lightUsers", "heavyUsers", "newItems"] as const;

export interface Cohort {
  readonly cohort: (typeof COHORTS)[number];
  readonly cases: number;
  /** Those that are averages over cases; empty without any. */
  readonly metrics: Metrics;
}

const NEW_ITEMS = 2;
const HEAVY_LEVEL = 0.8;

/**
 * @param cases as of `measure`, with `history Array(UInt32)`
 * @param matrix whose items without interactions, if it has some, have the highest numbers
 * @returns each cohort, those without cases too
 * @throws ClickHouseError
 */
export async function measureCohorts(
  work: WorkTables,
  cases: string,
  ranked: string,
  { items }: Pick<Matrix, "items">,
  cutoffs: readonly number[],
): Promise<Cohort[]> {
  const rows = await work.clickhouse.query<{ cohort: string; cases: string } & Record<string, string[]>>(
    `
WITH {cutoffs:Array(UInt32)} AS cutoffs,
  (SELECT quantileExact(${HEAVY_LEVEL})(length(history)) FROM ${cases} WHERE length(history) > ${NEW_ITEMS}) AS long,
  (SELECT countIf(degree > 0) FROM ${items}) AS touched
SELECT cohort, count() AS cases, ${AVERAGE_SUMS}
FROM (
  SELECT cohort, asked.1 AS relevant,
    arrayFilter((position, item) -> has(asked.2, item), arrayEnumerate(listed), listed) AS hits
  FROM (
    SELECT r.ranked AS listed, arrayFilter(item -> item >= touched, c.truth) AS cold,
      multiIf(length(c.history) <= ${NEW_ITEMS}, 'newUsers', length(c.history) > long, 'heavyUsers', 'lightUsers') AS user,
      [(user, (c.relevant, c.truth)), ('newItems', (toUInt32(c.relevant - length(c.truth) + length(cold)), cold))] AS parts
    FROM ${cases} AS c GLOBAL LEFT JOIN ${ranked} AS r ON c.case = r.case
  )
  ARRAY JOIN parts.1 AS cohort, parts.2 AS asked
  WHERE relevant > 0
)
GROUP BY cohort`,
    { cutoffs },
  );
  return COHORTS.map((cohort) => {
    const row = rows.find((found) => found.cohort === cohort);
    if (row === undefined) return { cohort, cases: 0, metrics: {} };
    return { cohort, cases: Number(row.cases), metrics: averagesOf(row, Number(row.cases), cutoffs) };
  });
}
