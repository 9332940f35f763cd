/** When and from where lists are asked for. */
import { CONTEXT_DIMENSIONS, HOURS_OF_PART, PARTS_OF_DAY } from "../scoring/index.ts";
import type { WorkTables } from "./work-tables.ts";

const VALUES: Readonly<Record<(typeof CONTEXT_DIMENSIONS)[number], string>> = {
  hour: "toString(toHour(occurred_at))",
  partOfDay: `[${PARTS_OF_DAY.map((part) => `'${part}'`).join(", ")}][intDiv(toHour(occurred_at), ${HOURS_OF_PART}) + 1]`,
  dayType: "if(toDayOfWeek(occurred_at) > 5, 'weekend', 'weekday')",
  device: "toString(device)",
  country: "toString(country)",
};

/** bucketsOf (services/scoring) in SQL, of rows with (occurred_at, device, country). */
export const BUCKETS = `arrayMap(bucket -> concat(bucket.1, '.', bucket.2), arrayFilter(bucket -> bucket.2 != '', [${CONTEXT_DIMENSIONS.map((dimension) => `('${dimension}', ${VALUES[dimension]})`).join(", ")}]))`;

/**
 * The context of each case: that of its actor's first held-out event.
 *
 * @param cases table with (case UInt32, actor_id String)
 * @param heldOut table or subquery with (actor_id, occurred_at, device, country)
 * @returns table (case UInt32, buckets Array(String))
 * @throws ClickHouseError
 */
export async function createContexts(work: WorkTables, name: string, cases: string, heldOut: string): Promise<string> {
  const table = await work.create({
    name: `${name}_contexts`,
    columns: "case UInt32, buckets Array(String)",
    orderBy: "case",
  });
  await work.run(`
INSERT INTO ${table}
SELECT c.case AS case, e.buckets AS buckets
FROM ${cases} AS c GLOBAL INNER JOIN (
  SELECT actor_id, argMin(${BUCKETS}, (occurred_at, device, country)) AS buckets FROM ${heldOut} GROUP BY actor_id
) AS e ON c.actor_id = e.actor_id`);
  return table;
}
