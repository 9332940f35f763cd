/** The items with the most weight: what everyone does, by event weights and decay. */
import type { Algorithm } from "../algorithm.ts";
import { RANKING_COLUMNS, rankingModel } from "../ranking-model.ts";

/** Ranks that are kept: deep enough for a rare category, or for someone who has seen the top. */
const DEFAULTS = { length: 10_000 };

export function popular(parameters: Partial<typeof DEFAULTS> = {}): Algorithm {
  const { length } = { ...DEFAULTS, ...parameters };
  return {
    name: "popular",
    needsTime: false,
    parameters: { length },
    async fit({ work, name, matrix, onProgress }) {
      const table = await work.create({ name: `${name}_ranking`, columns: RANKING_COLUMNS, orderBy: "rank" });
      await work.run(
        `
INSERT INTO ${table}
SELECT toUInt32(row_number() OVER (ORDER BY degree DESC, item)) AS rank, item, degree AS score
FROM (SELECT item, degree FROM ${matrix.items} WHERE degree > 0 ORDER BY degree DESC, item LIMIT {length:UInt32})`,
        { length },
      );
      onProgress(1);
      return rankingModel(work, matrix, table);
    },
  };
}
