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
 * Here P is cut to each item's best `neighbours`, and its diagonal is left out. With `lowPass` the neighbours that are left
 * gain what GF-CF's ideal low-pass filter gives them (low-pass.ts).
 */
import type { SearchSpace } from "../../tuning/space.ts";
import type { Algorithm } from "../algorithm.ts";
import { coOccurrence, ELEMENT_COLUMNS, ELEMENT_SCALE, nearest, PAIRS_PER_SLICE } from "../co-occurrence.ts";
import { NEIGHBOUR_COLUMNS, neighboursModel } from "../neighbours-model.ts";
import { addLowPass } from "./low-pass.ts";

const DEFAULTS = {
  /** How much an active actor counts less; an item that is touched a lot by 1 - alpha. */
  alpha: 0.6,
  /** The exponent s. */
  power: 0.7,
  neighbours: 200,
  /** Pairs that fewer actors touched are left out; 1 keeps all. */
  minimumActors: 1,
  /** What the low-pass filter counts beside P; 0: not made. */
  lowPass: 0,
  lowPassFactors: 256,
};

const SPACE: SearchSpace = {
  alpha: { from: 0.3, to: 0.8 },
  power: { from: 0.4, to: 1.2 },
  minimumActors: { choices: [1, 2, 3] },
  lowPass: { choices: [0, 0.3, 0.6] },
};

export type ItemNeighboursParameters = typeof DEFAULTS;

/** The neighbours that the published figures are measured with. */
export const REFERENCE_NEIGHBOURS = 1_000;

/**
 * In fixed point: elements of R~ are at most 1 (a weight is at most its actor's and its item's sum), and a sum of products
 * is at most (number of actors)^0.2, far below 2^8.
 *
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
        columns: ELEMENT_COLUMNS,
        orderBy: "row",
      });
      await work.run(
        `
INSERT INTO ${elements}
SELECT actor_id AS row, items, arrayMap(
  (weight, degree) -> toUInt32(round(
    weight * pow(arraySum(weights), -{alpha:Float64}) * pow(degree, {alpha:Float64} - 1) * ${ELEMENT_SCALE})),
  weights, degrees) AS elements
FROM ${matrix.histories}
WHERE length(items) > 1`,
        { alpha: configuration.alpha },
      );
      const neighbours = (suffix: string) =>
        work.create({ name: `${name}_${suffix}`, columns: NEIGHBOUR_COLUMNS, orderBy: "item" });
      const filtered = configuration.lowPass > 0;
      const shared = await neighbours("neighbours");
      const slices = Math.ceil(Math.min(matrix.pairCount, matrix.itemCount ** 2) / PAIRS_PER_SLICE);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(`INSERT INTO ${shared} ${nearest(coOccurrence(elements))}`, {
          ...configuration,
          minimumShared: configuration.minimumActors,
          slices,
          slice,
        });
        onProgress(((slice + 1) / slices) * (filtered ? 0.5 : 1));
      }
      const table = filtered ? await neighbours("filtered") : shared;
      if (filtered) {
        await addLowPass(work, matrix, [shared, table], configuration, (share) => onProgress((1 + share) / 2));
      }
      return neighboursModel(work, matrix, table, configuration.neighbours, "no two items were touched by one actor");
    },
  };
}
