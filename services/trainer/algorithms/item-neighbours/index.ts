/**
 * Items that the same people touch: degree-normalised co-occurrence.
 *
 * Turbo-CF (Park, Shin, Shin, SIGIR 2024, arXiv:2404.14243), which refines GF-CF (Shen et al., CIKM 2021,
 * arXiv:2108.07567). With R the actor x item matrix of weights, D_U and D_I the diagonals of its row and column sums:
 *
 *     R~ = D_U^-alpha  R  D_I^-(1-alpha)            (asymmetric normalisation)
 *     P  = (R~' R~)^s, element by element           (sharpening)
 *     scores of an actor with history r = r P       (the linear low-pass filter)
 *
 * Here P is cut to each item's best `neighbours`, and its diagonal is left out.
 */
import type { SearchSpace } from "../../tuning/space.ts";
import type { Algorithm } from "../algorithm.ts";
import { NEIGHBOUR_COLUMNS, neighboursModel } from "../neighbours-model.ts";

/** Distinct pairs of items that one statement holds: about 100 bytes each at the most. */
const PAIRS_PER_SLICE = 4_000_000;

const DEFAULTS = {
  /** How much an active actor counts less; an item that is touched a lot by 1 - alpha. */
  alpha: 0.6,
  /** The exponent s. */
  power: 0.7,
  neighbours: 200,
  /** Pairs that fewer actors touched are left out; 1 keeps all. */
  minimumActors: 1,
};

const SPACE: SearchSpace = {
  alpha: { from: 0.3, to: 0.8 },
  power: { from: 0.4, to: 1.2 },
  minimumActors: { choices: [1, 2, 3] },
};

export type ItemNeighboursParameters = typeof DEFAULTS;

/** The neighbours that the published figures are measured with. */
export const REFERENCE_NEIGHBOURS = 1_000;

/**
 * Fixed point: elements of R~ are at most 1 (a weight is at most its actor's and its item's sum), so they fit UInt32 at
 * 2^28, their products UInt64 at 2^56, and a sum of products is at most (number of actors)^0.2, far below 2^8.
 */
const ELEMENT_SCALE = 2 ** 28;
const PRODUCT_SCALE = ELEMENT_SCALE ** 2;

/**
 * Memory is bounded by slices of the left item: each holds at most PAIRS_PER_SLICE pairs on average, and adds them up
 * while the actors' histories stream by.
 */
export function itemNeighbours(parameters: Partial<ItemNeighboursParameters> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  return {
    name: "itemNeighbours",
    needsTime: false,
    parameters: configuration,
    space: SPACE,
    async fit({ work, name, matrix, onProgress }) {
      const elements = await work.create({
        name: `${name}_elements`,
        columns: "actor_id String, items Array(UInt32), elements Array(UInt32)",
        orderBy: "actor_id",
      });
      await work.run(
        `
INSERT INTO ${elements}
SELECT actor_id, items, arrayMap(
  (weight, degree) -> toUInt32(round(
    weight * pow(arraySum(weights), -{alpha:Float64}) * pow(degree, {alpha:Float64} - 1) * ${ELEMENT_SCALE})),
  weights, degrees) AS elements
FROM ${matrix.histories}
WHERE length(items) > 1`,
        { alpha: configuration.alpha },
      );
      const table = await work.create({ name: `${name}_neighbours`, columns: NEIGHBOUR_COLUMNS, orderBy: "item" });
      const slices = Math.ceil(Math.min(matrix.pairCount, matrix.itemCount ** 2) / PAIRS_PER_SLICE);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(`INSERT INTO ${table} ${nearest(coOccurrence(elements))}`, { ...configuration, slices, slice });
        onProgress((slice + 1) / slices);
      }
      return neighboursModel(work, matrix, table, configuration.neighbours);
    },
  };
}

/**
 * Sums of products for the pairs whose left item is in the slice: (item UInt32, neighbour UInt32, product UInt64,
 * actors UInt64). Of tables that each hold some of the actors the sums add up to those of the whole.
 */
export function coOccurrence(elements: string): string {
  return `
SELECT toUInt32(bitShiftRight(pair, 32)) AS item, toUInt32(pair) AS neighbour, product, actors
FROM (
  SELECT bitShiftLeft(toUInt64(left_item), 32) + right_item AS pair,
    sum(toUInt64(left_element) * right_element) AS product, count() AS actors
  FROM (
    SELECT left_item, left_element, items, elements
    FROM ${elements} ARRAY JOIN items AS left_item, elements AS left_element
    WHERE left_item % {slices:UInt32} = {slice:UInt32}
  )
  ARRAY JOIN items AS right_item, elements AS right_element
  WHERE left_item != right_item
  GROUP BY pair
)`;
}

/** The largest products first, ties by item: both in one number, since sorting numbers is much faster than tuples. */
function nearest(pairs: string): string {
  return `
SELECT item,
  arrayMap(entry -> bitNot(toUInt32(entry)), top) AS neighbours,
  arrayMap(entry -> toFloat32(pow(toUInt64(bitShiftRight(entry, 32)) / ${PRODUCT_SCALE}, {power:Float64})), top) AS weights
FROM (
  SELECT item, arraySlice(
    arrayReverseSort(groupArray(bitShiftLeft(toUInt128(product), 32) + bitNot(neighbour))),
    1, {neighbours:UInt32}) AS top
  FROM (${pairs})
  WHERE product > 0 AND actors >= {minimumActors:UInt32}
  GROUP BY item
)`;
}
