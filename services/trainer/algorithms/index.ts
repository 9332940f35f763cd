import type { Algorithm } from "./algorithm.ts";
import { itemNeighbours } from "./item-neighbours/index.ts";
import { popular } from "./popular/index.ts";
import { trending } from "./trending/index.ts";

/** By the name that resources, metrics and HTTP know them by, in the order in which they are trained. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(
  [popular(), trending(), itemNeighbours()].map((algorithm) => [algorithm.name, algorithm]),
);

/** Trained whatever a resource names: they answer for whom nothing is known. */
export const ALWAYS_TRAINED = ["popular", "trending"];
