/**
 * Learns the weights of a linear ranker from lists in which some items are right: those that make the loss
 *
 *     average over lists of -average over right items of log(exp(s) / sum over the list of exp(s'))  +  penalty x |w|^2 / 2
 *
 * the smallest (ListNet, Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007). It is
 * convex, so there is one answer; it is found by Newton's method with step halving, which needs no rate and no seed.
 */

export interface RatedList {
  /** `count` rows of as many numbers as there are weights. */
  readonly features: Float64Array;
  readonly count: number;
  /** Rows that are right; at least one. */
  readonly right: readonly number[];
}

const STEPS = 30;
const ENOUGH = 1e-9;

/** @param penalty above 0 @returns `width` weights */
export function learnWeights(lists: readonly RatedList[], width: number, penalty: number): Float64Array {
  let weights = new Float64Array(width);
  let current = evaluate(lists, weights, penalty);
  for (let step = 0; step < STEPS; step += 1) {
    const direction = solveSymmetric(current.curvature, current.gradient, width);
    let scale = 1;
    for (;;) {
      const next = weights.map((weight, at) => weight - scale * (direction[at] as number));
      const found = evaluate(lists, next, penalty);
      if (found.loss < current.loss) {
        const gained = current.loss - found.loss;
        weights = next;
        current = found;
        if (gained < ENOUGH) return weights;
        break;
      }
      scale /= 2;
      if (scale < 1e-6) return weights;
    }
  }
  return weights;
}

interface Loss {
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
}

function evaluate(lists: readonly RatedList[], weights: Float64Array, penalty: number): Loss {
  const width = weights.length;
  const gradient = weights.map((weight) => penalty * weight);
  const curvature = new Float64Array(width * width);
  for (let at = 0; at < width; at += 1) curvature[at * width + at] = penalty;
  let loss = weights.reduce((sum, weight) => sum + (penalty * weight * weight) / 2, 0);
  const share = 1 / Math.max(1, lists.length);
  for (const { features, count, right } of lists) {
    const scores = new Float64Array(count);
    let highest = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < count; row += 1) {
      let score = 0;
      for (let at = 0; at < width; at += 1) score += (weights[at] as number) * (features[row * width + at] as number);
      scores[row] = score;
      if (score > highest) highest = score;
    }
    let total = 0;
    for (let row = 0; row < count; row += 1) {
      const part = Math.exp((scores[row] as number) - highest);
      loss -= right.includes(row) ? (share * ((scores[row] as number) - highest)) / right.length : 0;
      scores[row] = part;
      total += part;
    }
    loss += share * Math.log(total);
    const mean = new Float64Array(width);
    for (let row = 0; row < count; row += 1) {
      const probability = (scores[row] as number) / total;
      for (let at = 0; at < width; at += 1) {
        const value = (features[row * width + at] as number) * probability;
        mean[at] = (mean[at] as number) + value;
        for (let other = at; other < width; other += 1) {
          const place = at * width + other;
          const product = share * value * (features[row * width + other] as number);
          curvature[place] = (curvature[place] as number) + product;
        }
      }
    }
    for (let at = 0; at < width; at += 1) {
      let wanted = 0;
      for (const row of right) wanted += (features[row * width + at] as number) / right.length;
      gradient[at] = (gradient[at] as number) + share * ((mean[at] as number) - wanted);
      for (let other = at; other < width; other += 1) {
        const place = at * width + other;
        curvature[place] = (curvature[place] as number) - share * (mean[at] as number) * (mean[other] as number);
      }
    }
  }
  for (let at = 0; at < width; at += 1) {
    for (let other = 0; other < at; other += 1) curvature[at * width + other] = curvature[other * width + at] as number;
  }
  return { loss, gradient, curvature };
}

/** Of a positive definite matrix, by Cholesky decomposition. */
function solveSymmetric(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = matrix[row * size + column] as number;
      for (let k = 0; k < column; k += 1) {
        sum -= (lower[row * size + k] as number) * (lower[column * size + k] as number);
      }
      lower[row * size + column] =
        row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (lower[column * size + column] as number);
    }
  }
  const solution = Float64Array.from(right);
  for (let row = 0; row < size; row += 1) {
    let sum = solution[row] as number;
    for (let k = 0; k < row; k += 1) sum -= (lower[row * size + k] as number) * (solution[k] as number);
    solution[row] = sum / (lower[row * size + row] as number);
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    let sum = solution[row] as number;
    for (let k = row + 1; k < size; k += 1) sum -= (lower[k * size + row] as number) * (solution[k] as number);
    solution[row] = sum / (lower[row * size + row] as number);
  }
  return solution;
}
