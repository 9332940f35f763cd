/** What the ranker learns from: a part of the activity that the models of the lesson were not fitted on. */

import { createContexts } from "../../contexts.ts";
import { ACTIVITY_COLUMN_NAMES, ACTIVITY_COLUMNS, createInteractions } from "../../interactions.ts";
import { actorCases, type JudgedCases } from "../../judging/cases.ts";
import { createMatrix } from "../../matrix.ts";
import type { FitContext } from "../algorithm.ts";

export interface Lesson {
  /** To fit models on. */
  readonly context: FitContext;
  readonly cases: JudgedCases;
}

/** Part of the events that a lesson by time asks for, the youngest; of activity without times, of the pairs by their hash. */
const HELD_OUT_SHARE = 0.1;
const LESSON_CASES = 5_000;

/** @throws ClickHouseError */
export async function createLesson(context: FitContext): Promise<Lesson> {
  const { work, name, activity, weighting, window } = context;
  const milliseconds = "toUnixTimestamp64Milli(occurred_at)";
  const before = window.before ?? Number.MAX_SAFE_INTEGER;
  const [times] = await work.clickhouse.query<{ first: string; boundary: string }>(
    `SELECT min(${milliseconds}) AS first, quantileExact({level:Float64})(${milliseconds}) AS boundary
     FROM ${activity} WHERE ${milliseconds} < {before:Int64}`,
    { level: 1 - HELD_OUT_SHARE, before },
  );
  const first = Number(times?.first ?? 0);
  const boundary = Number(times?.boundary ?? 0);
  const timeless = boundary === first;
  const next = context.asked === "next" && !timeless;
  const heldOut = timeless
    ? `cityHash64(actor_id, item_id) % 1000 < ${HELD_OUT_SHARE * 1000}`
    : next
      ? `(actor_id, item_id) GLOBAL IN (${newestItems(activity)})`
      : `${milliseconds} >= ${boundary}`;
  const table = await work.create({
    name: `${name}_lesson`,
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
  const columns = ACTIVITY_COLUMN_NAMES;
  await work.run(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${activity} WHERE NOT (${heldOut})`);
  const lessonWindow = timeless || next ? window : { watermark: boundary, before: boundary };
  const interactions = await createInteractions(work, `${name}_lesson_interactions`, table, weighting, lessonWindow);
  const matrix = await createMatrix(work, `${name}_lesson`, interactions, context.matrix.catalogue);
  const asked = `(SELECT actor_id, item_id, occurred_at, device, country FROM ${activity} WHERE ${heldOut} AND event != 'refund' AND ${milliseconds} < ${before})`;
  const cases = await actorCases(work, `${name}_lesson`, matrix, asked, { withoutHistory: false, limit: LESSON_CASES });
  const contexts = await createContexts(work, `${name}_lesson`, cases.table, asked);
  return {
    context: {
      ...context,
      name: `${name}_lesson`,
      activity: table,
      window: lessonWindow,
      matrix,
      fitted: undefined,
      onProgress: () => {},
    },
    cases: { ...cases, contexts },
  };
}

/** Of each actor with more than one item, that which it turned to last. */
function newestItems(activity: string): string {
  return `
SELECT actor_id, argMax(item_id, (first_at, item_id)) AS item_id
FROM (SELECT actor_id, item_id, min(occurred_at) AS first_at FROM ${activity} GROUP BY actor_id, item_id)
GROUP BY actor_id HAVING count() > 1`;
}
