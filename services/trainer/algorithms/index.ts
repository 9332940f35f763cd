import type { Algorithm, Parameters } from "./algorithm.ts";
import { factorisation } from "./factorisation/index.ts";
import { itemNeighbours } from "./item-neighbours/index.ts";
import { popular } from "./popular/index.ts";
import { sessionNeighbours } from "./session-neighbours/index.ts";
import { trending } from "./trending/index.ts";

/** In the order in which they are trained. */
const FACTORIES: Readonly<Record<string, (parameters?: Parameters) => Algorithm>> = {
  popular,
  trending,
  itemNeighbours,
  sessionNeighbours,
  factorisation,
};

/** With their own parameters, by the name that resources, metrics and HTTP know them by. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(
  Object.entries(FACTORIES).map(([name, create]) => [name, create()]),
);

/** Trained whatever a resource names: they answer for whom nothing is known. */
export const ALWAYS_TRAINED = ["popular", "trending"];

/** An algorithm, or a parameter of one, that there is not; the message names those that there are. */
export class UnknownAlgorithmError extends Error {
  override readonly name = "UnknownAlgorithmError";
  readonly code = "algorithm_unknown";
}

/**
 * An algorithm with some parameters that are not its own.
 *
 * @throws UnknownAlgorithmError
 */
export function createAlgorithm(name: string, parameters: Parameters = {}): Algorithm {
  const standard = ALGORITHMS.get(name);
  const create = FACTORIES[name];
  if (standard === undefined || create === undefined) {
    throw new UnknownAlgorithmError(`no algorithm ${name}: there are ${[...ALGORITHMS.keys()].join(", ")}`);
  }
  for (const parameter of Object.keys(parameters)) {
    if (parameter in standard.parameters) continue;
    const known = Object.keys(standard.parameters).join(", ");
    throw new UnknownAlgorithmError(`${name} has no parameter ${parameter}: there are ${known}`);
  }
  return create(parameters);
}
