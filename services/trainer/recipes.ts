/** A recipe is an algorithm with its parameters: what is compared, whatever data it is fitted on. */
import type { Algorithm, Parameters } from "./algorithms/algorithm.ts";

export interface Recipe {
  readonly algorithm: string;
  readonly parameters: Parameters;
  /** Of an algorithm that ranks the candidates of others. */
  readonly components?: readonly Recipe[];
}

export function recipeOf({ name, parameters, components }: Algorithm): Recipe {
  return {
    algorithm: name,
    parameters,
    ...(components === undefined ? {} : { components: components.map(recipeOf) }),
  };
}

export function sameRecipe(one: Recipe, other: Recipe): boolean {
  return recipeKey(one) === recipeKey(other);
}

/** The same text for the same recipe, in whatever order its parameters stand. */
export function recipeKey({ algorithm, parameters, components = [] }: Recipe): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([algorithm, sorted, components.map(recipeKey).sort()]);
}

/**
 * @param create such as `createAlgorithms`
 * @throws UnknownAlgorithmError when this release has no such algorithm, or not that parameter
 */
export function algorithmOf(
  recipe: Recipe,
  create: (names: readonly string[], parameters: Readonly<Record<string, Parameters>>) => readonly Algorithm[],
): Algorithm {
  const recipes = [...(recipe.components ?? []), recipe];
  const parameters = Object.fromEntries(recipes.map((one) => [one.algorithm, one.parameters]));
  const created = create(Object.keys(parameters), parameters);
  return created.find(({ name }) => name === recipe.algorithm) as Algorithm;
}
