/** Of a sparse matrix with a row for each actor (or whatever else items have in common): which items share rows. */

/** A row's items ascending, and its elements in fixed point, ELEMENT_SCALE being 1. */
export const ELEMENT_COLUMNS = "row String, items Array(UInt32), elements Array(UInt32)";

/** Elements of at most 1 fit UInt32, their products UInt64 at PRODUCT_SCALE, and so do sums of products below 2^8. */
export const ELEMENT_SCALE = 2 ** 28;
export const PRODUCT_SCALE = ELEMENT_SCALE ** 2;

/** Distinct pairs of items that one statement holds: about 100 bytes each at the most. */
export const PAIRS_PER_SLICE = 4_000_000;

/**
 * Sums of products for the pairs whose left item is in the slice: (item UInt32, neighbour UInt32, product UInt64,
 * shared UInt64, the rows that have both). Of tables that each hold some of the rows the sums add up to those of the whole.
 */
export function coOccurrence(elements: string): string {
  return `
SELECT toUInt32(bitShiftRight(pair, 32)) AS item, toUInt32(pair) AS neighbour, product, shared
FROM (
  SELECT bitShiftLeft(toUInt64(left_item), 32) + right_item AS pair,
    sum(toUInt64(left_element) * right_element) AS product, count() AS shared
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

/**
 * NEIGHBOUR_COLUMNS from pairs: the largest products first, ties by item. Both are in one number, since sorting numbers is
 * much faster than tuples. Weights are products to the power of `power`.
 */
export function nearest(pairs: string): string {
  return `
SELECT item,
  arrayMap(entry -> bitNot(toUInt32(entry)), top) AS neighbours,
  arrayMap(entry -> toFloat32(pow(toUInt64(bitShiftRight(entry, 32)) / ${PRODUCT_SCALE}, {power:Float64})), top) AS weights
FROM (
  SELECT item, arraySlice(
    arrayReverseSort(groupArray(bitShiftLeft(toUInt128(product), 32) + bitNot(neighbour))),
    1, {neighbours:UInt32}) AS top
  FROM (${pairs})
  WHERE product > 0 AND shared >= {minimumShared:UInt32}
  GROUP BY item
)`;
}
