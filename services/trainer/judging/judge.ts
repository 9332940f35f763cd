import { type FittedModel, RANKED_COLUMNS } from "../algorithms/algorithm.ts";
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { JudgedCases } from "./cases.ts";
import { type Cohort, measureCohorts } from "./cohorts.ts";
import { measureDiversity } from "./diversity.ts";
import { type AveragedMetric, type Metrics, measure, measureCases } from "./metrics.ts";
import { describeLists, type Lists } from "./soundness.ts";

/** What models are compared by, list by list, where nobody says otherwise. */
export const COMPARED_METRIC = "ndcg";

export interface Judgement {
  readonly metrics: Metrics;
  /** Of all lists together. */
  readonly rankMilliseconds: number;
  /** The compared metric at the largest cutoff, by case. @throws ClickHouseError */
  values(): Promise<Float64Array>;
  /** What the lists are like. @throws ClickHouseError */
  lists(): Promise<Lists>;
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
  compared: AveragedMetric = COMPARED_METRIC,
): Promise<Judgement> {
  const ranked = await work.create({
    name: `${name}_ranked`,
    columns: RANKED_COLUMNS,
    orderBy: "case",
  });
  const began = performance.now();
  await model.rank(cases, ranked, Math.max(...cutoffs));
  const rankMilliseconds = performance.now() - began;
  return {
    rankMilliseconds,
    metrics: {
      ...(await measure(work, cases.table, ranked, matrix.items, cutoffs)),
      ...(await measureDiversity(work, ranked, matrix, matrix.catalogue, cutoffs)),
    },
    values: () => measureCases(work, cases.table, ranked, compared, Math.max(...cutoffs)),
    cohorts: () => measureCohorts(work, cases.table, ranked, matrix, cutoffs),
    lists: () => describeLists(work, ranked),
  };
}

/**
 * What a model's lists are worth by one metric, case by case, and nothing else of them.
 *
 * @param name begins the name of a work table
 * @throws ClickHouseError
 */
export async function judgeValues(
  work: WorkTables,
  name: string,
  model: FittedModel,
  cases: JudgedCases,
  k: number,
  metric: AveragedMetric,
): Promise<Float64Array> {
  const ranked = await work.create({ name: `${name}_ranked`, columns: RANKED_COLUMNS, orderBy: "case" });
  await model.rank(cases, ranked, k);
  return measureCases(work, cases.table, ranked, metric, k);
}
