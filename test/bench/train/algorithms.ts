/** Each algorithm on the split, in a process of its own: what it takes and what it reaches. */
import { ALGORITHM_NAMES } from "../../../services/trainer/index.ts";
import type { Row } from "../row.ts";
import type { SplitFiles } from "./data.ts";
import type { OneAlgorithm } from "./one-algorithm.ts";
import { runProgram } from "./programs.ts";

export async function benchAlgorithms({ name: data, train, test }: SplitFiles): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of ALGORITHM_NAMES) {
    const { result, cpuSeconds, peakBytes } = await runProgram<OneAlgorithm>("one-algorithm.ts", [name, train, test]);
    if (result === undefined) continue;
    rows.push(
      { name: `${name} on ${data}: recall@20`, value: result.recall, unit: "" },
      { name: `${name}: ndcg@20`, value: result.ndcg, unit: "" },
      { name: `${name}: from events to the model`, value: result.fitSeconds, unit: "s" },
      { name: `${name}: processor time, loading and judging included`, value: cpuSeconds, unit: "s" },
      { name: `${name}: peak resident memory, the engine's included`, value: peakBytes / 1e6, unit: "MB" },
    );
  }
  return rows;
}
