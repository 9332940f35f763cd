import { type FittedModel, RANKED_COLUMNS } from "../algorithms/algorithm.ts";
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { JudgedCases } from "./cases.ts";
import { type Cohort, measureCohorts } from "./cohorts.ts";
import { measureDiversity } from "./diversity.ts";
import { type Metrics, measure, measureCases } from "./metrics.ts";

/** What models are compared by, list by list. */
export const COMPARED_METRIC = "ndcg";

export interface Judgement {
  readonly metrics: Metrics;
  /** COMPARED_METRIC at the largest cutoff, by case. @throws ClickHouseError */
  values(): Promise<Float64Array>;
  /** @throws ClickHouseError */
  cohorts(): Promise<Cohort[]>;
}

/**
 * Has the model answer every case and compares with what was held out.
 *
 * @param name begins the names of work tables
 * @param cutoffs lengths of the lists that are judged, such as 10 and 20, ascending
 * @throws ClickHouseError
 */
export async function judge(
  work: WorkTables,
  name: string,
  matrix: Matrix,
  model: FittedModel,
  cases: JudgedCases,
  cutoffs: readonly number[],
): Promise<Judgement> {
  const ranked = await work.create({
    name: `${name}_ranked`,
    columns: RANKED_COLUMNS,
    orderBy: "case",
  });
  await model.rank(cases, ranked, Math.max(...cutoffs));
  return {
    metrics: {
      ...(await measure(work, cases.table, ranked, matrix.items, cutoffs)),
      ...(await measureDiversity(work, ranked, matrix, null, cutoffs)),
    },
    cohorts: () => measureCohorts(work, cases.table, ranked, matrix, cutoffs),
    values: () => measureCases(work, cases.table, ranked, COMPARED_METRIC, Math.max(...cutoffs)),
  };
}
