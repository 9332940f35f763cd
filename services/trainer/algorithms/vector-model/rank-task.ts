/** The best items for vectors, by their product with the items' vectors. */
import { TopList } from "../../../scoring/index.ts";
import { SCREENED_ROWS, type ScreenedItems, type ScreenedVector, screenVector } from "./screen.ts";
import type { Seat } from "./seat.ts";
import type { Job } from "./team.ts";

/**
 * The best rows of `other` for each of `vectors`: `length` numbers each, -1 where there are no more with a score above 0.
 * Addresses in the shared memory, but for counts.
 */
export interface RankJob extends Job {
  readonly kind: "rank";
  readonly factors: number;
  readonly vectors: number;
  readonly other: number;
  /** `other` again. */
  readonly screened: ScreenedItems;
  readonly maskedStarts: number;
  readonly maskedItems: number;
  readonly length: number;
  readonly ranked: number;
  readonly scores: number;
}

/** Vectors that the kernel `screen` takes at once, and what it wants to know of each. */
const GROUP = 4;
const ASKED_BYTES = 16;
/** Of its sums. */
const TILE_BYTES = 128;
/** Rows of `other` that are looked at before the next vectors: some 128 KiB, which stay in a core's second cache. */
const SCREENED_BYTES = 131_072;

export function rankTask(seat: Seat, job: RankJob, from: number, to: number): void {
  const { memory, kernels } = seat;
  const { factors, other, screened } = job;
  const room = layOut(seat, factors, to - from);
  const questions = askedFor(seat, job, from, to, room.quantised);
  const ints = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  for (let row = 0; row < screened.rows; row += room.rows) {
    const end = Math.min(screened.rows, row + room.rows);
    const longest = floats[(screened.lengths >> 2) + row] as number;
    const open = questions.filter((question) => question.vector.length * longest >= limitOf(question, screened));
    if (open.length === 0) break;
    for (let group = 0; group < open.length; group += GROUP) {
      const asked = open.slice(group, group + GROUP);
      for (let place = 0; place < GROUP; place += 1) {
        const { address, vector } = asked[place] ?? (asked[0] as Question);
        const at = (room.asked + place * ASKED_BYTES) >> 2;
        ints[at] = address.quantised;
        floats[at + 1] = place < asked.length ? limitOf(asked[place] as Question, screened) : Number.POSITIVE_INFINITY;
        floats[at + 2] = vector.afterQuarter;
        floats[at + 3] = vector.afterHalf;
      }
      const { panels, rests, names } = screened;
      kernels.screen(room.asked, panels, rests, names, row, end, factors, room.lists, room.apart);
      for (const [place, { address, top, masked }] of asked.entries()) {
        const list = (room.lists + place * room.apart) >> 2;
        const count = ints[list] as number;
        kernels.chosenProducts(address.vector, other, factors, (list + 1) << 2, count, room.products);
        for (let found = 0; found < count; found += 1) {
          const item = ints[list + 1 + found] as number;
          const score = floats[(room.products >> 2) + found] as number;
          if (score > 0 && top.admits(score) && !masked.has(item)) top.add(item, score);
        }
      }
    }
  }
  writeLists(seat, job, from, questions);
}

interface Question {
  readonly address: { readonly vector: number; readonly quantised: number };
  readonly vector: ScreenedVector;
  readonly top: TopList;
  readonly masked: ReadonlySet<number>;
}

/** @param quantised address of room for the vectors in 16 bits */
function askedFor({ memory }: Seat, job: RankJob, from: number, to: number, quantised: number): Question[] {
  const { factors, vectors, screened, length } = job;
  const maskedStart = new Int32Array(memory.buffer, job.maskedStarts, job.rows + 1);
  const maskedItems = new Int32Array(memory.buffer, job.maskedItems, maskedStart[job.rows]);
  return Array.from({ length: to - from }, (_, at) => {
    const address = { vector: vectors + (from + at) * factors * 4, quantised: quantised + at * factors * 2 };
    const into = new Int16Array(memory.buffer, address.quantised, factors);
    return {
      address,
      vector: screenVector(new Float32Array(memory.buffer, address.vector, factors), screened, into),
      top: new TopList(length),
      masked: new Set(maskedItems.subarray(maskedStart[from + at], maskedStart[from + at + 1])),
    };
  });
}

/** In 16 bits: what the list would still take, of scores above 0. */
function limitOf({ vector, top }: Question, { scale }: ScreenedItems): number {
  return Math.max(top.least, 0) * scale * vector.scale - vector.margin;
}

/** Addresses in a thread's scratch space, and how many rows it has room for. */
function layOut({ scratch, scratchBytes }: Seat, factors: number, vectorCount: number) {
  const asked = scratch;
  const quantised = asked + GROUP * ASKED_BYTES + TILE_BYTES;
  const lists = quantised + vectorCount * factors * 2;
  // For each row a place in each list, and a product; each list begins with its count.
  const fitting = (scratch + scratchBytes - lists - GROUP * 4) / (4 * (GROUP + 1));
  const rows = Math.floor(Math.min(fitting, SCREENED_BYTES / (factors * 2)) / SCREENED_ROWS) * SCREENED_ROWS;
  if (rows < SCREENED_ROWS) throw new RangeError(`${scratchBytes} bytes are no room for vectors of ${factors} factors`);
  const apart = (rows + 1) * 4;
  return { asked, quantised, lists, apart, products: lists + GROUP * apart, rows };
}

function writeLists({ memory }: Seat, job: RankJob, from: number, questions: readonly Question[]): void {
  const { length, rows } = job;
  const rankedOf = new Int32Array(memory.buffer, job.ranked, rows * length);
  const scoreOf = new Float32Array(memory.buffer, job.scores, rows * length);
  for (const [at, { top }] of questions.entries()) {
    const best = top.take();
    const place = (from + at) * length;
    rankedOf.fill(-1, place, place + length);
    rankedOf.set(best.items, place);
    scoreOf.set(best.scores, place);
  }
}
