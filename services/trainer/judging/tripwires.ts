/**
 * Tripwires show a model that was fitted on the period it is judged on. Some actors get made-up events there, with items
 * drawn at random, which a model can only know from having looked: one that did not lists such an item no more often
 * than chance has it, whatever it learned.
 */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { type FittedModel, RANKED_COLUMNS } from "../algorithms/algorithm.ts";
import { type Case, readCases } from "../algorithms/rank-cases.ts";
import { ACTIVITY_COLUMNS } from "../interactions.ts";
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import { createCases, type JudgedCases } from "./cases.ts";

export interface Tripwires {
  /** Whose truth is what nobody did. */
  readonly cases: JudgedCases;
  /** Lists are judged at this length. */
  readonly cutoff: number;
}

const ACTORS = 200;
const ITEMS_PER_ACTOR = 1;
/** One item, but often: what stands in a history once drowns in a long one. */
const EVENTS_PER_ITEM = 10;
/** Of the items: in a list that holds most of them chance alone finds everything. */
const LARGEST_SHARE = 0.1;
/** One run in a hundred million would be suspected for nothing. */
const STANDARD_DEVIATIONS = 6;

/** A table of ACTIVITY_COLUMNS for made-up events, empty at first. @throws ClickHouseError */
export function createTripwireTable(work: WorkTables): Promise<string> {
  return work.create({
    name: "tripwire_events",
    columns: ACTIVITY_COLUMNS,
    orderBy: "(actor_id, item_id, occurred_at)",
    shardBy: "actor_id",
  });
}

/**
 * @param events gets the made-up events: of createTripwireTable, and part of what models are fitted on
 * @param cases of the judged period
 * @param event a name that has a weight
 * @param at when the made-up events are said to have happened, milliseconds since 1970
 * @returns `null` where there are too few items to tell knowledge from chance
 * @throws ClickHouseError
 */
export async function layTripwires(
  work: WorkTables,
  events: string,
  matrix: Matrix,
  cases: JudgedCases,
  options: { readonly event: string; readonly at: number; readonly k: number },
): Promise<Tripwires | null> {
  const cutoff = Math.min(options.k, Math.floor(matrix.touchedCount * LARGEST_SHARE));
  if (cutoff === 0 || cases.count === 0) return null;
  const asked = await work.clickhouse.query<Case & { readonly actor_id: string; readonly truth: number[] }>(
    `SELECT case, actor_id, history, history_weights, recent, masked, truth FROM ${cases.table}
     WHERE case < {actors:UInt32} ORDER BY case`,
    { actors: ACTORS },
  );
  const random = xoroshiro128plus(cases.count);
  const wired = asked.map((one) => {
    const taken = new Set([...one.masked, ...one.truth]);
    const items: number[] = [];
    for (let tries = 0; tries < 10 * ITEMS_PER_ACTOR && items.length < ITEMS_PER_ACTOR; tries += 1) {
      const item = (random.next() >>> 0) % matrix.touchedCount;
      if (taken.has(item)) continue;
      taken.add(item);
      items.push(item);
    }
    return { ...one, truth: items.sort((a, b) => a - b), relevant: items.length };
  });
  const table = await createCases(work, "tripwires");
  await work.clickhouse.insert(table, wired);
  await work.run(
    `
INSERT INTO ${events} (actor_id, session_id, item_id, event, occurred_at, quantity)
SELECT t.actor_id AS actor_id, '' AS session_id, n.item_id AS item_id, {event:String} AS event,
  fromUnixTimestamp64Milli({at:Int64}, 'UTC') AS occurred_at, 1 AS quantity
FROM (SELECT actor_id, arrayJoin(truth) AS item FROM ${table}) AS t GLOBAL INNER JOIN ${matrix.items} AS n ON t.item = n.item
CROSS JOIN numbers({times:UInt32}) AS times`,
    { event: options.event, at: options.at, times: EVENTS_PER_ITEM },
  );
  const historyEntries = wired.reduce((sum, { history }) => sum + history.length, 0);
  return { cases: { table, count: wired.length, actors: wired.length, historyEntries }, cutoff };
}

/**
 * Whether the model knows what it can only know from the period it is judged on.
 *
 * @returns what was found, or `undefined`
 * @throws ClickHouseError
 */
export async function leakOf(
  work: WorkTables,
  name: string,
  matrix: Matrix,
  model: FittedModel,
  { cases, cutoff }: Tripwires,
): Promise<string | undefined> {
  const ranked = await work.create({ name: `${name}_tripped`, columns: RANKED_COLUMNS, orderBy: "case" });
  await model.rank(cases, ranked, cutoff);
  const [row] = await work.clickhouse.query<{ hits: string }>(
    `SELECT sum(length(arrayIntersect(c.truth, arraySlice(r.ranked, 1, {cutoff:UInt32})))) AS hits
     FROM ${cases.table} AS c GLOBAL INNER JOIN ${ranked} AS r ON c.case = r.case`,
    { cutoff },
  );
  const hits = Number(row?.hits ?? 0);
  const chances: number[] = [];
  for await (const page of readCases(work, cases)) {
    for (const { masked } of page) chances.push(Math.min(1, cutoff / Math.max(1, matrix.touchedCount - masked.length)));
  }
  const limit = mostByChance(chances, ITEMS_PER_ACTOR);
  if (hits <= limit) return undefined;
  return `it knows ${hits} made-up events of the period it is judged on, chance explains ${Math.floor(limit)}: it was fitted on that period`;
}

/** @param chances of one item to be in a list, by list; each list was tried `items` times */
export function mostByChance(chances: readonly number[], items: number): number {
  const expected = items * chances.reduce((sum, chance) => sum + chance, 0);
  const variance = items * chances.reduce((sum, chance) => sum + chance * (1 - chance), 0);
  return expected + STANDARD_DEVIATIONS * Math.sqrt(variance) + 1;
}
