/** The newest items: by when the shop made them, else by when they were first touched. */
import type { Algorithm } from "../algorithm.ts";
import { RANKING_COLUMNS, rankingModel } from "../ranking-model.ts";

const DEFAULTS = { length: 10_000 };

export function latest(parameters: Partial<typeof DEFAULTS> = {}): Algorithm {
  const { length } = { ...DEFAULTS, ...parameters };
  return {
    name: "latest",
    needsTime: true,
    parameters: { length },
    async fit({ work, name, activity, window, matrix, onProgress }) {
      const table = await work.create({ name: `${name}_ranking`, columns: RANKING_COLUMNS, orderBy: "rank" });
      const made =
        matrix.catalogue === null
          ? ""
          : `UNION ALL SELECT item_id, toUnixTimestamp64Milli(assumeNotNull(created_at)) AS at, 1 AS made
  FROM ${matrix.catalogue} WHERE created_at IS NOT NULL`;
      await work.run(
        `
INSERT INTO ${table}
SELECT toUInt32(row_number() OVER (ORDER BY score DESC, item)) AS rank, item, score
FROM (
  SELECT n.item AS item, 1 / (1 + greatest(0, {watermark:Int64} - s.since) / 86400000) AS score
  FROM (
    SELECT item_id, if(max(made) = 1, maxIf(at, made = 1), min(at)) AS since
    FROM (
      SELECT item_id, toUnixTimestamp64Milli(min(occurred_at)) AS at, 0 AS made
      FROM ${activity} WHERE toUnixTimestamp64Milli(occurred_at) < {before:Int64} GROUP BY item_id
      ${made}
    )
    GROUP BY item_id
  ) AS s GLOBAL INNER JOIN ${matrix.items} AS n ON s.item_id = n.item_id
  ORDER BY score DESC, item
  LIMIT {length:UInt32}
)`,
        { length, watermark: window.watermark, before: window.before ?? Number.MAX_SAFE_INTEGER },
      );
      onProgress(1);
      return rankingModel(work, matrix, table);
    },
  };
}
