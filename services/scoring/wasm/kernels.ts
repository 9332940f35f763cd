/**
 * Dense linear algebra of factor models, in AssemblyScript: 128-bit vectors of four Float32. Compiled by
 * services/scoring/wasm/compile.ts into services/scoring/kernels.generated.ts. All numbers stand in the memory that is
 * given to the instance; arguments are byte addresses and counts. Sums are taken in a fixed order, without fused
 * multiply-add, so that every machine gets the same bits.
 */

/** Factors that are solved for at once: vectors are as long as a multiple of this. */
const BLOCK: i32 = 16;
const BLOCK_BYTES: usize = 64;

/** Entries of a row that are gathered at once. */
const GATHERED: i32 = 64;

// Places in the scratch space of `solve`, in bytes.
const GRADIENT: usize = 0;
const STEP: usize = 64;
const SYSTEM: usize = 128;
const PLAIN: usize = SYSTEM + 1024;
const WEIGHTED: usize = PLAIN + 4096;
const PREDICTIONS: usize = WEIGHTED + 4096;

/** Bytes of scratch space that `solve` needs for rows of at most `entries`. */
export function scratchBytes(entries: i32): i32 {
  return (<i32>PREDICTIONS) + ((entries * 4 + 63) & ~63);
}

function sumOf(vector: v128): f32 {
  return (
    f32x4.extract_lane(vector, 0) +
    f32x4.extract_lane(vector, 1) +
    (f32x4.extract_lane(vector, 2) + f32x4.extract_lane(vector, 3))
  );
}

function dot(left: usize, right: usize, length: i32): f32 {
  let first = f32x4.splat(0);
  let second = f32x4.splat(0);
  let third = f32x4.splat(0);
  let fourth = f32x4.splat(0);
  for (let at: usize = 0, end = (<usize>length) << 2; at < end; at += BLOCK_BYTES) {
    first = f32x4.add(first, f32x4.mul(v128.load(left + at), v128.load(right + at)));
    second = f32x4.add(second, f32x4.mul(v128.load(left + at, 16), v128.load(right + at, 16)));
    third = f32x4.add(third, f32x4.mul(v128.load(left + at, 32), v128.load(right + at, 32)));
    fourth = f32x4.add(fourth, f32x4.mul(v128.load(left + at, 48), v128.load(right + at, 48)));
  }
  return sumOf(f32x4.add(f32x4.add(first, second), f32x4.add(third, fourth)));
}

/** Adds to the 4 x 8 tile at `tile` the products of `count` columns of 4 at `left` with rows of 8 at `right`. */
function addTile(tile: usize, tileStride: usize, left: usize, right: usize, stride: usize, count: i32): void {
  addApartTile(tile, tileStride, left, 4, stride, right, stride, count);
}

/** The same with the 4 of a column `apart` bytes from each other, and columns `step` bytes from each other. */
// @ts-ignore: AssemblyScript's decorator
@inline
function addApartTile(
  tile: usize,
  tileStride: usize,
  left: usize,
  apart: usize,
  step: usize,
  right: usize,
  stride: usize,
  count: i32,
): void {
  let a0 = v128.load(tile);
  let a1 = v128.load(tile, 16);
  let b0 = v128.load(tile + tileStride);
  let b1 = v128.load(tile + tileStride, 16);
  let c0 = v128.load(tile + 2 * tileStride);
  let c1 = v128.load(tile + 2 * tileStride, 16);
  let d0 = v128.load(tile + 3 * tileStride);
  let d1 = v128.load(tile + 3 * tileStride, 16);
  for (let k: i32 = 0; k < count; k++) {
    const x0 = v128.load(right);
    const x1 = v128.load(right, 16);
    const a = v128.load32_splat(left);
    a0 = f32x4.add(a0, f32x4.mul(a, x0));
    a1 = f32x4.add(a1, f32x4.mul(a, x1));
    const b = v128.load32_splat(left + apart);
    b0 = f32x4.add(b0, f32x4.mul(b, x0));
    b1 = f32x4.add(b1, f32x4.mul(b, x1));
    const c = v128.load32_splat(left + 2 * apart);
    c0 = f32x4.add(c0, f32x4.mul(c, x0));
    c1 = f32x4.add(c1, f32x4.mul(c, x1));
    const d = v128.load32_splat(left + 3 * apart);
    d0 = f32x4.add(d0, f32x4.mul(d, x0));
    d1 = f32x4.add(d1, f32x4.mul(d, x1));
    left += step;
    right += stride;
  }
  v128.store(tile, a0);
  v128.store(tile, a1, 16);
  v128.store(tile + tileStride, b0);
  v128.store(tile + tileStride, b1, 16);
  v128.store(tile + 2 * tileStride, c0);
  v128.store(tile + 2 * tileStride, c1, 16);
  v128.store(tile + 3 * tileStride, d0);
  v128.store(tile + 3 * tileStride, d1, 16);
}

/**
 * F'F of the rows `from` up to `to` of F (Float32, `factors` columns): its upper triangle, in tiles of 4 x 8; what is
 * left of the diagonal's tiles stays as it was.
 */
export function gramian(matrix: usize, from: i32, to: i32, factors: i32, into: usize): void {
  const stride = (<usize>factors) << 2;
  memory.fill(into, 0, stride * (<usize>factors));
  // Rows that stay in the first cache while all tiles go over them.
  const rows = max(1, 8192 / factors);
  for (let start = from; start < to; start += rows) {
    const count = min(rows, to - start);
    const base = matrix + (<usize>start) * stride;
    for (let row: i32 = 0; row < factors; row += 4) {
      for (let column: i32 = row & ~7; column < factors; column += 8) {
        const tile = into + (<usize>row) * stride + ((<usize>column) << 2);
        addTile(tile, stride, base + ((<usize>row) << 2), base + ((<usize>column) << 2), stride, count);
      }
    }
  }
}

/**
 * The product of L (`rows` x `count`, Float32, the rows of it `apart` bytes from each other, its columns `step` bytes) and
 * the matrix at `right` (`count` rows of `factors`): `rows` rows of `factors` at `into`.
 *
 * @param rows a multiple of 4
 */
export function product(
  left: usize,
  apart: usize,
  step: usize,
  right: usize,
  rows: i32,
  count: i32,
  factors: i32,
  into: usize,
): void {
  const stride = (<usize>factors) << 2;
  memory.fill(into, 0, stride * (<usize>rows));
  // Rows of `right` that stay in the first cache while all tiles go over them.
  const depth = max(1, 4096 / factors);
  for (let start: i32 = 0; start < count; start += depth) {
    const most = min(depth, count - start);
    const below = right + (<usize>start) * stride;
    for (let row: i32 = 0; row < rows; row += 4) {
      const beside = left + (<usize>row) * apart + (<usize>start) * step;
      for (let column: i32 = 0; column < factors; column += 8) {
        const place = (<usize>column) << 2;
        addApartTile(into + (<usize>row) * stride + place, stride, beside, apart, step, below + place, stride, most);
      }
    }
  }
}

/** Upper triangular U with U'U = the symmetric matrix whose upper triangle is at `matrix`, in its place. */
function decompose(matrix: usize): void {
  for (let k: i32 = 0; k < BLOCK; k++) {
    const row = matrix + (<usize>k) * BLOCK_BYTES;
    const first = (<usize>(k & ~3)) << 2;
    const inverse: f32 = 1 / sqrt<f32>(load<f32>(row + ((<usize>k) << 2)));
    const scale = f32x4.splat(inverse);
    for (let at = first; at < BLOCK_BYTES; at += 16) v128.store(row + at, f32x4.mul(v128.load(row + at), scale));
    for (let other = k + 1; other < BLOCK; other++) {
      const factor = f32x4.splat(load<f32>(row + ((<usize>other) << 2)));
      const target = matrix + (<usize>other) * BLOCK_BYTES;
      for (let at = (<usize>(other & ~3)) << 2; at < BLOCK_BYTES; at += 16) {
        v128.store(target + at, f32x4.sub(v128.load(target + at), f32x4.mul(factor, v128.load(row + at))));
      }
    }
  }
}

/** Solves U'U x = right; `right` is overwritten. */
function substitute(matrix: usize, right: usize, solution: usize): void {
  for (let k: i32 = 0; k < BLOCK; k++) {
    const row = matrix + (<usize>k) * BLOCK_BYTES;
    const place = (<usize>k) << 2;
    const value: f32 = load<f32>(right + place) / load<f32>(row + place);
    const factor = f32x4.splat(value);
    for (let at = (<usize>(k & ~3)) << 2; at < BLOCK_BYTES; at += 16) {
      v128.store(right + at, f32x4.sub(v128.load(right + at), f32x4.mul(factor, v128.load(row + at))));
    }
    store<f32>(solution + place, value);
  }
  for (let k: i32 = BLOCK - 1; k >= 0; k--) {
    const row = matrix + (<usize>k) * BLOCK_BYTES;
    const place = (<usize>k) << 2;
    let rest: f32 = load<f32>(solution + place);
    for (let at = place + 4; at < BLOCK_BYTES; at += 4) rest -= load<f32>(row + at) * load<f32>(solution + at);
    store<f32>(solution + place, rest / load<f32>(row + place));
  }
}

/**
 * Block coordinate descent on rows `from` up to `to`: `sweeps` times over all blocks of a row's factors w it takes the
 * exact minimum, over that block, of
 *
 *     sum over entries j of weight(j) (w h(j) - 1)^2  +  unobserved x w G w  +  ridge x w w
 *
 * Rows without entries become 0.
 *
 * @param starts Int32, rows + 1; columns Int32 and weights Float32 by entry; ridges Float32 by row
 * @param own the rows' factors, in and out; other: the columns' factors; gram: G, the whole of it
 */
export function solve(
  from: i32,
  to: i32,
  factors: i32,
  sweeps: i32,
  starts: usize,
  columns: usize,
  weights: usize,
  ridges: usize,
  own: usize,
  other: usize,
  gram: usize,
  unobserved: f32,
  scratch: usize,
): void {
  const stride = (<usize>factors) << 2;
  const predictions = scratch + PREDICTIONS;
  for (let row = from; row < to; row++) {
    const start = load<i32>(starts + ((<usize>row) << 2));
    const count = load<i32>(starts + ((<usize>row) << 2), 4) - start;
    const mine = own + (<usize>row) * stride;
    if (count == 0) {
      memory.fill(mine, 0, stride);
      continue;
    }
    const entries = columns + ((<usize>start) << 2);
    const confidences = weights + ((<usize>start) << 2);
    const ridge = load<f32>(ridges + ((<usize>row) << 2));
    for (let j: i32 = 0; j < count; j++) {
      const vector = other + (<usize>load<i32>(entries + ((<usize>j) << 2))) * stride;
      store<f32>(predictions + ((<usize>j) << 2), dot(mine, vector, factors));
    }
    for (let sweep: i32 = 0; sweep < sweeps; sweep++) {
      for (let block: i32 = 0; block < factors; block += BLOCK) {
        solveBlock(block, factors, mine, other, gram, entries, confidences, count, ridge, unobserved, scratch);
      }
    }
  }
}

function solveBlock(
  block: i32,
  factors: i32,
  mine: usize,
  other: usize,
  gram: usize,
  entries: usize,
  confidences: usize,
  count: i32,
  ridge: f32,
  unobserved: f32,
  scratch: usize,
): void {
  const stride = (<usize>factors) << 2;
  const offset = (<usize>block) << 2;
  const gradient = scratch + GRADIENT;
  const system = scratch + SYSTEM;
  const plain = scratch + PLAIN;
  const weighted = scratch + WEIGHTED;
  const predictions = scratch + PREDICTIONS;
  const share = f32x4.splat(unobserved);
  for (let k: i32 = 0; k < BLOCK; k++) {
    const line = gram + (<usize>(block + k)) * stride;
    const place = (<usize>k) << 2;
    store<f32>(gradient + place, unobserved * dot(line, mine, factors) + ridge * load<f32>(mine + offset + place));
    const target = system + (<usize>k) * BLOCK_BYTES;
    for (let at: usize = 0; at < BLOCK_BYTES; at += 16) {
      v128.store(target + at, f32x4.mul(share, v128.load(line + offset + at)));
    }
    store<f32>(target + place, load<f32>(target + place) + ridge);
  }
  let g0 = v128.load(gradient);
  let g1 = v128.load(gradient, 16);
  let g2 = v128.load(gradient, 32);
  let g3 = v128.load(gradient, 48);
  for (let begin: i32 = 0; begin < count; begin += GATHERED) {
    const gathered = min(GATHERED, count - begin);
    for (let j: i32 = 0; j < gathered; j++) {
      const entry = (<usize>(begin + j)) << 2;
      const vector = other + (<usize>load<i32>(entries + entry)) * stride + offset;
      const weight: f32 = load<f32>(confidences + entry);
      const scale = f32x4.splat(weight);
      const miss = f32x4.splat(weight * (load<f32>(predictions + entry) - 1));
      const to = (<usize>j) * BLOCK_BYTES;
      const h0 = v128.load(vector);
      const h1 = v128.load(vector, 16);
      const h2 = v128.load(vector, 32);
      const h3 = v128.load(vector, 48);
      v128.store(plain + to, h0);
      v128.store(plain + to, h1, 16);
      v128.store(plain + to, h2, 32);
      v128.store(plain + to, h3, 48);
      v128.store(weighted + to, f32x4.mul(scale, h0));
      v128.store(weighted + to, f32x4.mul(scale, h1), 16);
      v128.store(weighted + to, f32x4.mul(scale, h2), 32);
      v128.store(weighted + to, f32x4.mul(scale, h3), 48);
      g0 = f32x4.add(g0, f32x4.mul(miss, h0));
      g1 = f32x4.add(g1, f32x4.mul(miss, h1));
      g2 = f32x4.add(g2, f32x4.mul(miss, h2));
      g3 = f32x4.add(g3, f32x4.mul(miss, h3));
    }
    for (let row: i32 = 0; row < BLOCK; row += 4) {
      for (let column: i32 = row & ~7; column < BLOCK; column += 8) {
        const tile = system + (<usize>row) * BLOCK_BYTES + ((<usize>column) << 2);
        addTile(tile, BLOCK_BYTES, weighted + ((<usize>row) << 2), plain + ((<usize>column) << 2), BLOCK_BYTES, gathered);
      }
    }
  }
  v128.store(gradient, g0);
  v128.store(gradient, g1, 16);
  v128.store(gradient, g2, 32);
  v128.store(gradient, g3, 48);
  decompose(system);
  const step = scratch + STEP;
  substitute(system, gradient, step);
  const s0 = v128.load(step);
  const s1 = v128.load(step, 16);
  const s2 = v128.load(step, 32);
  const s3 = v128.load(step, 48);
  v128.store(mine + offset, f32x4.sub(v128.load(mine + offset), s0));
  v128.store(mine + offset, f32x4.sub(v128.load(mine + offset, 16), s1), 16);
  v128.store(mine + offset, f32x4.sub(v128.load(mine + offset, 32), s2), 32);
  v128.store(mine + offset, f32x4.sub(v128.load(mine + offset, 48), s3), 48);
  for (let j: i32 = 0; j < count; j++) {
    const entry = (<usize>j) << 2;
    const vector = other + (<usize>load<i32>(entries + entry)) * stride + offset;
    const change = f32x4.add(
      f32x4.add(f32x4.mul(v128.load(vector), s0), f32x4.mul(v128.load(vector, 16), s1)),
      f32x4.add(f32x4.mul(v128.load(vector, 32), s2), f32x4.mul(v128.load(vector, 48), s3)),
    );
    store<f32>(predictions + entry, load<f32>(predictions + entry) - sumOf(change));
  }
}

/**
 * Products of four vectors, one after the other at `vectors`, with the rows `from` up to `to` of `other`: Float32, those
 * of the first vector at `into`, of the next one `apart` bytes on.
 */
export function scores(
  vectors: usize,
  other: usize,
  from: i32,
  to: i32,
  factors: i32,
  into: usize,
  apart: usize,
): void {
  const stride = (<usize>factors) << 2;
  let row = from;
  for (; row + 1 < to; row += 2) {
    let x = other + (<usize>row) * stride;
    let v = vectors;
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    let b0 = f32x4.splat(0);
    let b1 = f32x4.splat(0);
    let c0 = f32x4.splat(0);
    let c1 = f32x4.splat(0);
    let d0 = f32x4.splat(0);
    let d1 = f32x4.splat(0);
    for (const end = x + stride; x < end; x += 16, v += 16) {
      const x0 = v128.load(x);
      const x1 = v128.load(x + stride);
      const a = v128.load(v);
      a0 = f32x4.add(a0, f32x4.mul(a, x0));
      a1 = f32x4.add(a1, f32x4.mul(a, x1));
      const b = v128.load(v + stride);
      b0 = f32x4.add(b0, f32x4.mul(b, x0));
      b1 = f32x4.add(b1, f32x4.mul(b, x1));
      const c = v128.load(v + 2 * stride);
      c0 = f32x4.add(c0, f32x4.mul(c, x0));
      c1 = f32x4.add(c1, f32x4.mul(c, x1));
      const d = v128.load(v + 3 * stride);
      d0 = f32x4.add(d0, f32x4.mul(d, x0));
      d1 = f32x4.add(d1, f32x4.mul(d, x1));
    }
    storePair(into, row - from, a0, a1);
    storePair(into + apart, row - from, b0, b1);
    storePair(into + 2 * apart, row - from, c0, c1);
    storePair(into + 3 * apart, row - from, d0, d1);
  }
  if (row == to) return;
  for (let vector: i32 = 0; vector < 4; vector++) {
    const score = lanes(vectors + (<usize>vector) * stride, other + (<usize>row) * stride, stride);
    store<f32>(into + (<usize>vector) * apart + ((<usize>(row - from)) << 2), score);
  }
}

function storePair(into: usize, place: i32, first: v128, second: v128): void {
  store<f32>(into + ((<usize>place) << 2), sumOf(first));
  store<f32>(into + ((<usize>place) << 2), sumOf(second), 4);
}

/** As `scores` adds up, so that a score does not depend on its neighbours. */
function lanes(left: usize, right: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(left + at), v128.load(right + at)));
  }
  return sumOf(sum);
}

/** Rows of a panel of `screen`. */
const PANEL: i32 = 4;
const PANEL_RESTS: usize = 32;

// What `screen` knows of a vector, in bytes; after the last vector, room for the sums of a tile.
const ADDRESS: usize = 0;
const LIMIT: usize = 4;
const AFTER_QUARTER: usize = 8;
const AFTER_HALF: usize = 12;
const ASKED_BYTES: usize = 16;
const SUMS: usize = 4 * ASKED_BYTES;

/**
 * Which rows may have a product with a vector that is large enough, by numbers of 16 bits: for each of 4 vectors q the rows
 * r from `from` up to `to` with q r >= limit. After a quarter of the factors, and after half of them, a row is looked at
 * further only if that can still be: what is left of the product is at most the product of the rests' lengths.
 *
 * Two factors stand beside each other for each of a panel's four rows, so that no sum goes across a vector's lanes.
 *
 * @param asked for each vector its address (`factors` Int16), and in Float32 the limit and the lengths of what is after a
 *   quarter and after half of it; behind them room for 128 bytes
 * @param panels Int16, rows in panels of 4: factors 0 and 1 of each row, then 2 and 3, and so on
 * @param rests Float32, for each panel of each row the length of what is after a quarter, then of what is after half
 * @param names Int32, what each row is called; below 0: it is none
 * @param from a multiple of 8; to: as well, panels, rests and names go so far
 * @param into Int32: for each vector, `apart` bytes from each other, how many rows, then their names
 */
export function screen(
  asked: usize,
  panels: usize,
  rests: usize,
  names: usize,
  from: i32,
  to: i32,
  factors: i32,
  into: usize,
  apart: usize,
): void {
  const panelBytes = (<usize>factors) << 3;
  for (let vector: usize = 0; vector < 4; vector++) store<i32>(into + vector * apart, 0);
  for (let row = from; row < to; row += 2 * PANEL) {
    firstQuarters(asked, panels + (<usize>row) * (panelBytes >> 2), panelBytes);
    for (let vector: usize = 0; vector < 4; vector++) {
      for (let second: i32 = 0; second < 2; second++) {
        const place = row + second * PANEL;
        const sums = v128.load(asked + SUMS + (vector << 5) + ((<usize>second) << 4));
        const panel = panels + (<usize>place) * (panelBytes >> 2);
        const rest = rests + (<usize>(place >> 2)) * PANEL_RESTS;
        const passed = passing(sums, asked + vector * ASKED_BYTES, panel, panelBytes, rest);
        if (passed != 0) append(into + vector * apart, names + ((<usize>place) << 2), passed);
      }
    }
  }
}

/** Sums over the first quarter of the factors of two panels with 4 vectors: vector by vector, of either panel 4 Int32. */
function firstQuarters(asked: usize, panel: usize, panelBytes: usize): void {
  let p = <usize>load<i32>(asked, ADDRESS);
  let q = <usize>load<i32>(asked, ASKED_BYTES);
  let r = <usize>load<i32>(asked, 2 * ASKED_BYTES);
  let s = <usize>load<i32>(asked, 3 * ASKED_BYTES);
  let a0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let c0 = i32x4.splat(0);
  let c1 = i32x4.splat(0);
  let d0 = i32x4.splat(0);
  let d1 = i32x4.splat(0);
  for (const end = panel + (panelBytes >> 2); panel < end; panel += 16, p += 4, q += 4, r += 4, s += 4) {
    const x0 = v128.load(panel);
    const x1 = v128.load(panel + panelBytes);
    const a = v128.load32_splat(p);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, x0));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, x1));
    const b = v128.load32_splat(q);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, x0));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, x1));
    const c = v128.load32_splat(r);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(c, x0));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(c, x1));
    const d = v128.load32_splat(s);
    d0 = i32x4.add(d0, i32x4.dot_i16x8_s(d, x0));
    d1 = i32x4.add(d1, i32x4.dot_i16x8_s(d, x1));
  }
  const into = asked + SUMS;
  v128.store(into, a0);
  v128.store(into, a1, 16);
  v128.store(into, b0, 32);
  v128.store(into, b1, 48);
  v128.store(into, c0, 64);
  v128.store(into, c1, 80);
  v128.store(into, d0, 96);
  v128.store(into, d1, 112);
}

/** A bit for each row of the panel whose product with the vector reaches its limit; `sums` are those of a quarter. */
function passing(sums: v128, asked: usize, panel: usize, panelBytes: usize, rests: usize): i32 {
  const limit = v128.load32_splat(asked, LIMIT);
  if (!mayReach(sums, v128.load32_splat(asked, AFTER_QUARTER), v128.load(rests), limit)) return 0;
  const vector = <usize>load<i32>(asked, ADDRESS);
  const quarter = panelBytes >> 2;
  sums = addProducts(sums, vector + (quarter >> 2), panel + quarter, quarter);
  if (!mayReach(sums, v128.load32_splat(asked, AFTER_HALF), v128.load(rests, 16), limit)) return 0;
  sums = addProducts(sums, vector + (quarter >> 1), panel + 2 * quarter, 2 * quarter);
  return i32x4.bitmask(f32x4.ge(f32x4.convert_i32x4_s(sums), limit));
}

function mayReach(sums: v128, vectorRest: v128, rests: v128, limit: v128): bool {
  const most = f32x4.add(f32x4.convert_i32x4_s(sums), f32x4.mul(vectorRest, rests));
  return v128.any_true(f32x4.ge(most, limit));
}

/** @param bytes of the panel, a multiple of 32 */
function addProducts(sums: v128, vector: usize, panel: usize, bytes: usize): v128 {
  let other = i32x4.splat(0);
  for (const end = panel + bytes; panel < end; panel += 32, vector += 8) {
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.load32_splat(vector), v128.load(panel)));
    other = i32x4.add(other, i32x4.dot_i16x8_s(v128.load32_splat(vector, 4), v128.load(panel, 16)));
  }
  return i32x4.add(sums, other);
}

function append(list: usize, names: usize, passed: i32): void {
  let count = load<i32>(list);
  for (; passed != 0; passed &= passed - 1) {
    const name = load<i32>(names + ((<usize>ctz(passed)) << 2));
    if (name < 0) continue;
    count += 1;
    store<i32>(list + ((<usize>count) << 2), name);
  }
  store<i32>(list, count);
}

/** The products of the vector with the `count` rows of `other` whose numbers stand at `rows` (Int32): Float32 at `into`. */
export function chosenProducts(vector: usize, other: usize, factors: i32, rows: usize, count: i32, into: usize): void {
  const stride = (<usize>factors) << 2;
  for (let at: usize = 0, end = (<usize>count) << 2; at < end; at += 4) {
    store<f32>(into + at, lanes(vector, other + (<usize>load<i32>(rows + at)) * stride, stride));
  }
}

/** Writes the products of one vector with rows `from` to `to` of `other`, a Float32 each. */
export function products(vector: usize, other: usize, from: i32, to: i32, factors: i32, into: usize): void {
  const stride = (<usize>factors) << 2;
  for (let row = from; row < to; row++) {
    f32.store(into + ((<usize>(row - from)) << 2), dot(vector, other + (<usize>row) * stride, factors));
  }
}
