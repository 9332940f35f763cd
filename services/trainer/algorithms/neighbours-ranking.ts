/**
 * Ranking by neighbours in this process: for a case the neighbours of all items of its history are added up in one array,
 * which takes nanoseconds a term where grouping in SQL takes a hundred.
 *
 * Memory is bounded by ranges of neighbours: of each range some entries are held at a time, and a case's best of the ranges
 * before. A score is the sum, over the history and in its order, of (weight of the history item) x (weight of the item among
 * that one's neighbours).
 */
import { TopList } from "../../scoring/index.ts";
import type { Matrix } from "../matrix.ts";
import type { WorkTables } from "../work-tables.ts";
import type { Cases } from "./algorithm.ts";
import { readCases, writeRanked } from "./rank-cases.ts";

/** Entries of the model that are held at once: eight bytes each. */
const ENTRIES_PER_RANGE = 40_000_000;
const ENTRIES_PER_PAGE = 1_000_000;
const LISTS_PER_INSERT = 5_000;

/** The neighbours of each item that are in a range. */
interface Neighbours {
  /** By item its first entry; one more for the end of the last. */
  readonly starts: Int32Array;
  readonly neighbours: Uint32Array;
  readonly weights: Float32Array;
}

/**
 * Fills `into` (RANKED_COLUMNS).
 *
 * @param table of NEIGHBOUR_COLUMNS
 * @throws ClickHouseError
 */
export async function rankByNeighbours(
  work: WorkTables,
  matrix: Pick<Matrix, "itemCount">,
  table: string,
  cases: Cases,
  into: string,
  length: number,
  entriesPerRange: number = ENTRIES_PER_RANGE,
): Promise<void> {
  const { itemCount } = matrix;
  const [row] = await work.clickhouse.query<{ entries: string }>(
    `SELECT sum(length(neighbours)) AS entries FROM ${table}`,
  );
  const entries = Number(row?.entries ?? 0);
  const ranges = Math.max(1, Math.ceil(entries / entriesPerRange));
  const best: { items: readonly number[]; scores: readonly number[] }[] = [];
  const top = new TopList(length);
  const sums = new Float64Array(itemCount);
  const touched = new Uint32Array(itemCount + 1);
  for (let range = 0; range < ranges; range += 1) {
    const found = await readNeighbours(work, itemCount, table, entries, { range, ranges });
    for await (const page of readCases(work, cases)) {
      for (const question of page) {
        const count = addUp(found, question.history, question.history_weights, sums, touched);
        for (const item of question.masked) sums[item] = 0;
        const before = best[question.case];
        for (const [place, item] of before?.items.entries() ?? []) top.add(item, before?.scores[place] as number);
        let least = top.least;
        for (let at = 0; at < count; at += 1) {
          const item = touched[at] as number;
          const sum = sums[item] as number;
          sums[item] = 0;
          if (sum < least || sum === 0) continue;
          top.add(item, sum);
          least = top.least;
        }
        best[question.case] = top.take();
      }
    }
  }
  for (let from = 0; from < best.length; from += LISTS_PER_INSERT) {
    const lists = best.slice(from, from + LISTS_PER_INSERT).map(({ items, scores }, at) => ({
      case: from + at,
      items,
      scores,
    }));
    await writeRanked(work, into, lists);
  }
}

/** @returns how many items have a sum: they are first in `touched`, which has room for one more than all items */
function addUp(
  { starts, neighbours, weights }: Neighbours,
  history: readonly number[],
  historyWeights: readonly number[],
  sums: Float64Array,
  touched: Uint32Array,
): number {
  let count = 0;
  for (let place = 0; place < history.length; place += 1) {
    const item = history[place] as number;
    const weight = historyWeights[place] as number;
    if (!(weight > 0)) continue;
    const end = starts[item + 1] as number;
    for (let at = starts[item] as number; at < end; at += 1) {
      const neighbour = neighbours[at] as number;
      const sum = sums[neighbour] as number;
      // Written always and counted when new: a processor cannot guess which, and a wrong guess costs more.
      touched[count] = neighbour;
      count += Number(sum === 0);
      sums[neighbour] = sum + weight * (weights[at] as number);
    }
  }
  return count;
}

/** Neighbours in the range that have a weight, of the items in pages. Weights come as the whole numbers that their bits are. */
async function readNeighbours(
  work: WorkTables,
  itemCount: number,
  table: string,
  entries: number,
  part: { readonly range: number; readonly ranges: number },
): Promise<Neighbours> {
  const starts = new Int32Array(itemCount + 1);
  let neighbours = new Uint32Array(part.ranges === 1 ? entries : Math.ceil((entries / part.ranges) * 1.1));
  let bits = new Uint32Array(neighbours.length);
  let entry = 0;
  const itemsPerPage = Math.max(1, Math.floor((ENTRIES_PER_PAGE * part.ranges * itemCount) / Math.max(1, entries)));
  let filled = 0;
  const wanted = "weight > 0 AND neighbour % {ranges:UInt32} = {range:UInt32}";
  const read = (from: number) =>
    work.clickhouse.query<{ item: number; numbers: number[]; bits: number[] }>(
      `
SELECT item, arrayMap(weight -> reinterpretAsUInt32(weight), arrayFilter((weight, neighbour) -> ${wanted}, weights, neighbours)) AS bits,
  arrayFilter((neighbour, weight) -> ${wanted}, neighbours, weights) AS numbers
FROM ${table} WHERE item >= {from:UInt32} AND item < {to:UInt32} ORDER BY item`,
      { ...part, from, to: from + itemsPerPage },
    );
  // The engine reads a page while the one before is taken over.
  let next = read(0);
  for (let from = 0; from < itemCount; from += itemsPerPage) {
    const rows = await next;
    if (from + itemsPerPage < itemCount) next = read(from + itemsPerPage);
    for (const { item, numbers, bits: own } of rows) {
      while (filled <= item) starts[filled++] = entry;
      if (entry + numbers.length > neighbours.length) {
        const size = Math.ceil((entry + numbers.length) * 1.5);
        neighbours = grown(neighbours, size);
        bits = grown(bits, size);
      }
      neighbours.set(numbers, entry);
      bits.set(own, entry);
      entry += numbers.length;
    }
  }
  while (filled <= itemCount) starts[filled++] = entry;
  return { starts, neighbours, weights: new Float32Array(bits.buffer) };
}

function grown(array: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(size);
  larger.set(array);
  return larger;
}
