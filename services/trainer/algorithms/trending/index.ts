/** Like `popular`, with a memory of days: what is on the rise now. */
import { createInteractions } from "../../interactions.ts";
import type { SearchSpace } from "../../tuning/space.ts";
import type { Algorithm } from "../algorithm.ts";
import { RANKING_COLUMNS, rankingModel } from "../ranking-model.ts";

const DEFAULTS = { halfLifeDays: 2, length: 10_000 };

const SPACE: SearchSpace = { halfLifeDays: { from: 0.25, to: 14, logarithmic: true } };

export function trending(parameters: Partial<typeof DEFAULTS> = {}): Algorithm {
  const { halfLifeDays, length } = { ...DEFAULTS, ...parameters };
  return {
    name: "trending",
    needsTime: true,
    parameters: { halfLifeDays, length },
    space: SPACE,
    async fit({ work, name, activity, weighting, window, matrix, onProgress }) {
      const recent = { ...weighting, halfLifeDays };
      const interactions = await createInteractions(work, `${name}_recent`, activity, recent, window);
      const table = await work.create({ name: `${name}_ranking`, columns: RANKING_COLUMNS, orderBy: "rank" });
      await work.run(
        `
INSERT INTO ${table}
SELECT toUInt32(row_number() OVER (ORDER BY score DESC, item)) AS rank, item, score
FROM (
  SELECT n.item AS item, sum(i.weight) AS score
  FROM ${interactions} AS i GLOBAL INNER JOIN ${matrix.items} AS n ON i.item_id = n.item_id
  GROUP BY item
  ORDER BY score DESC, item
  LIMIT {length:UInt32}
)`,
        { length },
      );
      onProgress(1);
      return rankingModel(work, matrix, table);
    },
  };
}
