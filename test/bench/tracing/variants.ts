/** What is compared: the same work with and without traces, in turn. */
import { median, type Row } from "../row.ts";

/** Without traces; with none of them recorded, a tenth, all. */
export const VARIANTS = ["off", "none", "tenth", "all"] as const;

export type Variant = (typeof VARIANTS)[number];

const RATIO: Readonly<Record<Exclude<Variant, "off">, string>> = { none: "0", tenth: "0.1", all: "1" };
/** Of issue and documentation: at a tenth. */
const MOST_PERCENT = 5;

/** @param receiver address of an OTLP receiver */
export function environmentOf(variant: Variant, receiver: string): Readonly<Record<string, string>> {
  if (variant === "off") return {};
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: RATIO[variant],
  };
}

/** Cost of one piece of work, by variant; each list has an entry for each round. */
export type Costs = Readonly<Record<Variant, readonly number[]>>;

/**
 * Measures all variants in each round: what else the machine does weighs on all alike. In another order each time, every second
 * one backwards, so that none always comes after the same one: a heap that this has grown would be given to that.
 */
export async function inRounds(rounds: number, measure: (variant: Variant) => Promise<number>): Promise<Costs> {
  const costs: Record<Variant, number[]> = { off: [], none: [], tenth: [], all: [] };
  for (let round = 0; round < rounds; round += 1) {
    const turned = VARIANTS.map((_, at) => VARIANTS[(at + round) % VARIANTS.length] ?? "off");
    for (const variant of round % 2 === 0 ? turned : turned.toReversed()) costs[variant].push(await measure(variant));
  }
  return costs;
}

/** Of rounds that were measured apart. */
export function together(parts: readonly Costs[]): Costs {
  const all = (variant: Variant) => parts.flatMap((costs) => costs[variant]);
  return { off: all("off"), none: all("none"), tenth: all("tenth"), all: all("all") };
}

/** Medians; what traces add is taken within each round first. */
export function rowsOf(name: string, unit: string, costs: Costs): Row[] {
  const added = (variant: Variant) =>
    median(costs[variant].map((cost, round) => (cost / (costs.off[round] ?? Number.NaN) - 1) * 100));
  return [
    { name: `${name}: without traces`, value: median(costs.off), unit },
    { name: `${name}: none recorded`, value: added("none"), unit: "% more" },
    { name: `${name}: one of ten recorded`, value: added("tenth"), unit: "% more", most: MOST_PERCENT },
    { name: `${name}: all recorded`, value: added("all"), unit: "% more" },
  ];
}
