/** Ranking in this process, for models that SQL cannot score well: cases are read and lists written a page at a time. */
import { TopList } from "../../scoring/index.ts";
import type { WorkTables } from "../work-tables.ts";
import type { Cases } from "./algorithm.ts";

/** A question to a model, in numbers of the matrix. */
export interface Case {
  readonly case: number;
  readonly history: readonly number[];
  /** Of `history`, 0 to 1. */
  readonly history_weights: readonly number[];
  /** The newest first. */
  readonly recent: readonly number[];
  readonly masked: readonly number[];
}

/** History entries and masked items of a page: some megabytes of JSON. */
const ENTRIES_PER_PAGE = 200_000;
const CASES_PER_PAGE = 5_000;

/** Pages of cases by number. @throws ClickHouseError */
export async function* readCases(work: WorkTables, cases: Cases): AsyncGenerator<Case[]> {
  const perCase = Math.max(1, cases.historyEntries / Math.max(1, cases.count));
  const size = Math.max(1, Math.min(CASES_PER_PAGE, Math.floor(ENTRIES_PER_PAGE / perCase)));
  for (let from = 0; from < cases.count; from += size) {
    yield await work.clickhouse.query<Case>(
      `SELECT case, history, history_weights, recent, masked FROM ${cases.table}
       WHERE case >= {from:UInt32} AND case < {to:UInt32} ORDER BY case`,
      { from, to: from + size },
    );
  }
}

/** @param lists of RANKED_COLUMNS; empty ones are left out @throws ClickHouseError */
export async function writeRanked(
  work: WorkTables,
  into: string,
  lists: readonly { readonly case: number; readonly items: readonly number[]; readonly scores: readonly number[] }[],
): Promise<void> {
  const rows = lists.filter((list) => list.items.length > 0);
  await work.clickhouse.insert(
    into,
    rows.map((list) => ({ case: list.case, ranked: list.items, scores: list.scores })),
  );
}

/**
 * Fills `into` from a function that scores items one by one.
 *
 * @param score calls `visit` at most once for each item, in any order
 * @throws ClickHouseError
 */
export async function rankCases(
  work: WorkTables,
  cases: Cases,
  into: string,
  length: number,
  score: (question: Case, visit: (item: number, score: number) => void) => void,
): Promise<void> {
  const top = new TopList(length);
  for await (const page of readCases(work, cases)) {
    const lists = page.map((question) => {
      const masked = new Set(question.masked);
      score(question, (item, value) => {
        if (top.admits(value) && !masked.has(item)) top.add(item, value);
      });
      return { case: question.case, ...top.take() };
    });
    await writeRanked(work, into, lists);
  }
}
