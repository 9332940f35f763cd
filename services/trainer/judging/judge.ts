import { type FittedModel, RANKED_COLUMNS } from "../algorithms/algorithm.ts";
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { JudgedCases } from "./cases.ts";
import { type Metrics, measure } from "./metrics.ts";

/**
 * Has the model answer every case and compares with what was held out.
 *
 * @param name begins the names of work tables
 * @param cutoffs lengths of the lists that are judged, such as 10 and 20
 * @throws ClickHouseError
 */
export async function judge(
  work: WorkTables,
  name: string,
  matrix: Matrix,
  model: FittedModel,
  cases: JudgedCases,
  cutoffs: readonly number[],
): Promise<Metrics> {
  const ranked = await work.create({
    name: `${name}_ranked`,
    columns: RANKED_COLUMNS,
    orderBy: "case",
  });
  await model.rank(cases, ranked, Math.max(...cutoffs));
  return measure(work, cases.table, ranked, matrix.itemCount, cutoffs);
}
