/** What is in service, fitted again to be compared on the same events. */
import type { ListedVersion } from "../clickhouse/index.ts";
import type { Algorithm } from "./algorithms/algorithm.ts";
import { type createAlgorithms, UnknownAlgorithmError } from "./algorithms/index.ts";
import type { Contest, Judged } from "./contest.ts";
import type { Incumbent } from "./gate.ts";
import { ACTIVITY_COLUMN_NAMES } from "./interactions.ts";
import type { Period } from "./period.ts";
import { algorithmOf, type Recipe, recipeOf, sameRecipe } from "./recipes.ts";
import type { WorkTables } from "./work-tables.ts";

/** The alias of the version that answers users. */
export const CHAMPION = "champion";

export interface Standing {
  readonly incumbent: Incumbent | null;
  /** Where the data ends that a successor of the same recipe has been compared on; milliseconds since 1970. */
  readonly comparedBefore: number;
}

export interface Comparison {
  readonly contest: Contest;
  /** Candidates, fitted on what came before the holdout. */
  readonly judged: readonly Judged[];
  /** Where the holdout begins; milliseconds since 1970. */
  readonly boundary: number;
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  readonly work: WorkTables;
  readonly create: typeof createAlgorithms;
  /** All that were recorded, by name. */
  readonly versions: ReadonlyMap<string, ListedVersion>;
  /** The period of that name, made when it is first asked for. */
  open(name: string, source: string, before: number | null): Promise<Period>;
}

/** With less new data before the holdout, a recipe is taken for as good as it was: the difference could not be measured. */
const NEW_SHARE = 0.01;

/**
 * The reference that candidates must beat. The version in service has seen the holdout, so its recipe is fitted again:
 * for a candidate of another recipe on the same data; for one of the same recipe on the data that its predecessor was
 * compared on, so that what is asked is whether the newer data made it worse.
 *
 * @throws ClickHouseError
 */
export async function incumbentOf(version: ListedVersion | undefined, comparison: Comparison): Promise<Standing> {
  const { contest, judged, boundary, activity, open } = comparison;
  if (version === undefined) return { incumbent: null, comparedBefore: boundary };
  const known = recipeInService(version, comparison);
  const recipe = known === null ? unknownRecipe(version) : recipeOf(known);
  const standing = (values: Float64Array | null, earlier: Float64Array | null, before = boundary): Standing => ({
    incumbent: { version: version.version, recipe, values, earlier, trouble: null },
    comparedBefore: before,
  });
  const failing = (trouble: string): Standing => ({
    incumbent: { version: version.version, recipe, values: null, earlier: null, trouble },
    comparedBefore: boundary,
  });
  if (known === null) return standing(null, null);
  try {
    const twin = judged.find((one) => sameRecipe(one.recipe, recipe));
    if (twin === undefined) {
      const values = await contest.reference(known, null);
      return standing(values, values);
    }
    if (!twin.measured) return failing(twin.disqualified?.reason ?? "");
    const recorded = Date.parse(version.configuration.holdout?.comparedBefore ?? "");
    const before = Number.isNaN(recorded) ? boundary : Math.min(recorded, boundary);
    if (before === boundary || (await newShare(comparison, before)) < NEW_SHARE) {
      return standing(twin.values, twin.values, before);
    }
    const events = `(SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${activity} WHERE toUnixTimestamp64Milli(occurred_at) < ${before})`;
    return standing(twin.values, await contest.reference(known, await open(`before_${before}`, events, before)));
  } catch (error) {
    return failing(error instanceof Error ? error.message : String(error));
  }
}

function unknownRecipe({ algorithm, configuration }: ListedVersion): Recipe {
  return { algorithm, parameters: configuration.parameters };
}

/**
 * A version's recipe.
 *
 * @returns `null`: this release does not know it, or a component of it has no record
 */
export function recipeInService(
  version: ListedVersion,
  { create, versions }: Pick<Comparison, "create" | "versions">,
): Algorithm | null {
  const recipe = recordedRecipe(version, versions);
  if (recipe === null) return null;
  try {
    return algorithmOf(recipe, create);
  } catch (error) {
    if (error instanceof UnknownAlgorithmError) return null;
    throw error;
  }
}

function recordedRecipe(
  { algorithm, configuration }: ListedVersion,
  versions: ReadonlyMap<string, ListedVersion>,
): Recipe | null {
  const { parameters, components: named } = configuration;
  if (named === undefined) return { algorithm, parameters };
  const components = Object.values(named).map((name) => {
    const component = versions.get(name);
    return component === undefined ? null : recordedRecipe(component, versions);
  });
  return components.includes(null) ? null : { algorithm, parameters, components: components as Recipe[] };
}

/** Part of the events before the holdout that came after `before`. */
async function newShare({ work, activity, boundary }: Comparison, before: number): Promise<number> {
  const [row] = await work.clickhouse.query<{ share: number }>(
    `SELECT countIf(at >= {before:Int64}) / count() AS share
     FROM (SELECT toUnixTimestamp64Milli(occurred_at) AS at FROM ${activity}) WHERE at < {boundary:Int64}`,
    { before, boundary },
  );
  return row?.share ?? 0;
}
