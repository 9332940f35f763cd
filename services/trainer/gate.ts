/** Which model may be served: decisions about figures, by `spec.training.gate`. */
import { type Lift, pairedLift } from "./judging/bootstrap.ts";
import { type Recipe, sameRecipe } from "./recipes.ts";

export interface GateOptions {
  /** A new recipe: the lower end of its lift must be above this. */
  readonly minLiftPercent: number;
  /** The recipe in service on newer data: the lower end must be above minus this. */
  readonly maxDropPercent: number;
  readonly confidencePercent: number;
  /** Of the items that the judged lists have room for. */
  readonly minCoveragePercent: number;
  /** Of a model's rows, uncompressed. */
  readonly maxModelMegabytes: number;
}

/** A recipe and what its lists were worth, case by case. */
export interface Contender {
  readonly recipe: Recipe;
  readonly values: Float64Array;
}

/** What is in service. */
export interface Incumbent {
  readonly version: string;
  readonly recipe: Recipe;
  /** Of its recipe on the data that candidates were fitted on; `null`: this release cannot fit it. */
  readonly values: Float64Array | null;
  /** The same on the data that its predecessor was compared on: what the same recipe on newer data is compared with. */
  readonly earlier: Float64Array | null;
  /** Why its recipe could not be fitted in this run; `null`: it could. */
  readonly trouble: string | null;
}

export interface Ruling {
  /** Promoted: a new recipe takes over. Refreshed: the one in service, on newer data. */
  readonly verdict: "Promoted" | "Refreshed" | "Refused";
  /** Over the incumbent; `null` where there is none that can be compared. */
  readonly lift: Lift | null;
  /** Why, for a person; "" where the figures say it. */
  readonly reason: string;
}

/**
 * Whether a candidate may take the incumbent's place.
 *
 * @param actors by case, any number that tells actors apart
 */
export function rule(
  candidate: Contender,
  incumbent: Incumbent | null,
  actors: ArrayLike<number>,
  gate: GateOptions,
): Ruling {
  if (incumbent === null) return { verdict: "Promoted", lift: null, reason: "nothing was in service" };
  const { version, trouble } = incumbent;
  if (trouble !== null) {
    return { verdict: "Refused", lift: null, reason: `the recipe of ${version} could not be fitted again: ${trouble}` };
  }
  const isSame = sameRecipe(candidate.recipe, incumbent.recipe);
  const reference = isSame ? incumbent.earlier : incumbent.values;
  if (isSame && (reference === null || candidate.values.length === 0)) {
    return { verdict: "Refreshed", lift: null, reason: "nothing was held out to compare" };
  }
  if (reference === null) {
    return { verdict: "Promoted", lift: null, reason: `this release cannot fit the recipe of ${version}` };
  }
  if (candidate.values.length === 0) {
    return { verdict: "Refused", lift: null, reason: `nothing was held out to compare it with ${version}` };
  }
  const { confidencePercent } = gate;
  const lift = pairedLift(candidate.values, reference, actors, { confidencePercent });
  if (lift === null) return ruleOverNothing(candidate, isSame, version);
  if (isSame) {
    if (lift.low > -gate.maxDropPercent) return { verdict: "Refreshed", lift, reason: "" };
    const reason = `worse on newer data than ${version} by ${liftText(lift)}: the lower end must be above -${gate.maxDropPercent} %`;
    return { verdict: "Refused", lift, reason };
  }
  if (lift.low > gate.minLiftPercent) return { verdict: "Promoted", lift, reason: "" };
  const reason = `not surely better than ${version}: ${liftText(lift)}, the lower end must be above ${gate.minLiftPercent} %`;
  return { verdict: "Refused", lift, reason };
}

/** Of an incumbent that had nothing right there is no multiple. */
function ruleOverNothing({ values }: Contender, isSame: boolean, version: string): Ruling {
  if (isSame) return { verdict: "Refreshed", lift: null, reason: "" };
  if (values.some((value) => value > 0))
    return { verdict: "Promoted", lift: null, reason: `${version} had none right` };
  return { verdict: "Refused", lift: null, reason: `neither it nor ${version} had any right` };
}

export interface Election {
  /** Index of the candidate that answers users from now on; `null`: what is in service stays. */
  readonly winner: number | null;
  /** By candidate. */
  readonly rulings: readonly Ruling[];
}

/**
 * Who answers users: the best candidate, if it passes; else the recipe in service on newer data, if that passes. Only
 * the best new recipe is put to the test: with many tries one of equal quality would pass by chance.
 */
export function elect(
  candidates: readonly Contender[],
  incumbent: Incumbent | null,
  actors: ArrayLike<number>,
  gate: GateOptions,
): Election {
  const means = candidates.map(({ values }) => mean(values));
  const best = means.reduce((at, value, other) => (at < 0 || value > (means[at] as number) ? other : at), -1);
  const rulings = candidates.map((candidate, at): Ruling => {
    const ruling = rule(candidate, incumbent, actors, gate);
    if (at === best || ruling.verdict !== "Promoted") return ruling;
    return { verdict: "Refused", lift: ruling.lift, reason: `${candidates[best]?.recipe.algorithm} was better` };
  });
  const passed = (at: number) => rulings[at] !== undefined && rulings[at].verdict !== "Refused";
  const winner = passed(best) ? best : rulings.findIndex(({ verdict }) => verdict === "Refreshed");
  if (winner < 0) return { winner: null, rulings };
  const settled = rulings.map((ruling, at): Ruling => {
    if (at === winner || ruling.verdict === "Refused") return ruling;
    return { verdict: "Refused", lift: ruling.lift, reason: `${candidates[winner]?.recipe.algorithm} was better` };
  });
  return { winner, rulings: settled };
}

/** Such as `-3.1 % (-4.0 to -2.2)`. */
export function liftText({ percent, low, high }: Lift): string {
  return `${percent.toFixed(1)} % (${low.toFixed(1)} to ${high.toFixed(1)})`;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
