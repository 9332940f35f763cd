import type { Algorithm, Parameters } from "./algorithm.ts";
import { content } from "./content/index.ts";
import { factorisation } from "./factorisation/index.ts";
import { hybrid } from "./hybrid/index.ts";
import { itemNeighbours } from "./item-neighbours/index.ts";
import { latest } from "./latest/index.ts";
import { neural } from "./neural/index.ts";
import { popular } from "./popular/index.ts";
import { sessionNeighbours } from "./session-neighbours/index.ts";
import { trending } from "./trending/index.ts";
import { userNeighbours } from "./user-neighbours/index.ts";

/** In the order in which they are trained. */
const FACTORIES: Readonly<Record<string, (parameters?: Parameters) => Algorithm>> = {
  popular,
  trending,
  latest,
  itemNeighbours,
  userNeighbours,
  sessionNeighbours,
  factorisation,
  neural,
  content,
};

/** With their own parameters, by the name that resources, metrics and HTTP know them by. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(
  Object.entries(FACTORIES).map(([name, create]) => [name, create()]),
);

/** All that can be named. */
export const ALGORITHM_NAMES: readonly string[] = [...ALGORITHMS.keys(), "hybrid"];

/** Trained and served whatever a resource names: they answer for whom nothing is known. */
export const STANDING_ALGORITHMS: readonly string[] = ["popular", "trending"];

/** They answer endpoints of their own, whichever algorithm answers users. */
export const ENDPOINT_ALGORITHMS: readonly string[] = [
  "itemNeighbours",
  "sessionNeighbours",
  "content",
  "userNeighbours",
];

/** Recommenders do not load them: no hybrid that is to be served may ask them for candidates. */
export const NOT_SERVED: readonly string[] = ["latest", "userNeighbours"];

/** They cannot answer users: they know nothing of a person, or are not served. */
export const NOT_FOR_USERS: readonly string[] = [...STANDING_ALGORITHMS, ...NOT_SERVED];

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
  const create = FACTORIES[name];
  if (create === undefined) {
    throw new UnknownAlgorithmError(`no algorithm ${name}: there are ${ALGORITHM_NAMES.join(", ")}`);
  }
  return withParameters(create, parameters);
}

/**
 * Those of `names` in their order, with some parameters that are not their own; hybrid, wherever it is named, ranks the
 * candidates of all others and comes last.
 *
 * @throws UnknownAlgorithmError
 */
export function createAlgorithms(
  names: readonly string[],
  parameters: Readonly<Record<string, Parameters>> = {},
): Algorithm[] {
  const others = names.filter((name) => name !== "hybrid");
  const algorithms = others.map((name) => createAlgorithm(name, parameters[name]));
  if (others.length === names.length) return algorithms;
  return [...algorithms, createHybrid(algorithms, parameters.hybrid)];
}

/**
 * @param components whose candidates are ranked
 * @throws UnknownAlgorithmError
 */
export function createHybrid(components: readonly Algorithm[], parameters: Parameters = {}): Algorithm {
  if (components.length === 0) {
    throw new UnknownAlgorithmError("hybrid ranks the candidates of other algorithms: name at least one");
  }
  return withParameters((chosen) => hybrid(components, chosen), parameters);
}

function withParameters(create: (parameters?: Parameters) => Algorithm, parameters: Parameters): Algorithm {
  const standard = create();
  for (const parameter of Object.keys(parameters)) {
    if (parameter in standard.parameters) continue;
    const known = Object.keys(standard.parameters).join(", ");
    throw new UnknownAlgorithmError(`${standard.name} has no parameter ${parameter}: there are ${known}`);
  }
  return create(parameters);
}
