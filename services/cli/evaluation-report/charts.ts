/**
 * Charts of an evaluation as SVG text: drawn by Observable Plot into a document of linkedom, without a browser. Lines and
 * text have the colour of the page around them, marks that of its `--accent`, so that one drawing serves light and dark.
 */
import type { PlotOptions } from "@observablehq/plot";
import { type AlgorithmResult, COHORTS, type Cohort } from "../../trainer/index.ts";

/** In the order of the leaderboard, the best first. */
export type Ranked = AlgorithmResult & { readonly rank: number };

export interface Charts {
  readonly leaderboard: string;
  readonly coverage: string;
  readonly novelty: string;
  readonly fitTime: string;
  /** Of those with cases, on one scale. */
  readonly cohorts: readonly {
    readonly name: (typeof COHORT_NAMES)[Cohort["cohort"]];
    readonly lists: number;
    readonly chart: string;
  }[];
}

/** As narrow as the narrowest screen, so that text is not made smaller there. */
const WIDTH = 340;
const ROW = 24;
const NAMES = 136;
const BELOW = 44;
const BASE = { width: WIDTH, style: { fontSize: "12px", background: "none" } } as const;

export const COHORT_NAMES = {
  newUsers: "new users",
  lightUsers: "light users",
  heavyUsers: "heavy users",
  newItems: "new items",
} as const;

/** @param cutoff of the figures that are drawn @throws Error where the optional dependencies are not installed */
export async function drawCharts(results: readonly Ranked[], cutoff: number): Promise<Charts> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]).catch(
    (cause: unknown) => {
      throw new Error("charts need two optional packages: npm install @observablehq/plot linkedom", { cause });
    },
  );
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const draw = (options: PlotOptions) => Plot.plot({ document, ...BASE, ...options }).outerHTML;
  const label = ({ rank, algorithm }: Ranked) => `${rank} ${algorithm}`;
  const names = { label: null, domain: results.map(label), tickSize: 0 } as const;
  const rows = {
    marginLeft: NAMES,
    marginRight: 24,
    marginTop: 4,
    marginBottom: BELOW,
    height: BELOW + 4 + ROW * results.length,
  };
  const ndcg = `ndcg@${cutoff}`;
  const accuracy = (result: Ranked) => result.metrics[ndcg] ?? 0;

  const against = (metric: string, said: string): string =>
    draw({
      height: 260,
      insetTop: 12,
      marginLeft: 48,
      marginRight: 20,
      marginBottom: BELOW,
      x: { label: said, grid: true, nice: true, ticks: 4 },
      y: { label: ndcg, grid: true, zero: true, nice: true, ticks: 5 },
      marks: [
        Plot.dot(results, {
          x: (result: Ranked) => result.metrics[metric] ?? 0,
          y: accuracy,
          r: 10,
          fill: "var(--accent)",
          stroke: "var(--card)",
        }),
        Plot.text(results, {
          x: (result: Ranked) => result.metrics[metric] ?? 0,
          y: accuracy,
          text: ({ rank }: Ranked) => String(rank),
          fill: "var(--card)",
          fontWeight: 600,
        }),
      ],
    });

  const low = ({ interval }: Ranked) => interval.low;
  const high = ({ interval }: Ranked) => interval.high;
  const largest = Math.max(...results.flatMap(({ cohorts }) => cohorts.map(({ metrics }) => metrics[ndcg] ?? 0)));
  const ofCohort = (cohort: Cohort["cohort"]): string =>
    draw({
      ...rows,
      x: { label: ndcg, grid: true, domain: [0, largest > 0 ? largest : 1], nice: true, ticks: 4 },
      y: names,
      marks: [
        Plot.barX(results, {
          x: ({ cohorts }: Ranked) => cohorts.find((one) => one.cohort === cohort)?.metrics[ndcg] ?? 0,
          y: label,
          fill: "var(--accent)",
          insetTop: 3,
          insetBottom: 3,
        }),
      ],
    });
  return {
    leaderboard: draw({
      ...rows,
      x: { label: ndcg, grid: true, zero: true, nice: true, ticks: 4 },
      y: names,
      marks: [
        Plot.ruleY(results, { y: label, x1: low, x2: high, stroke: "var(--accent)", strokeWidth: 2 }),
        ...[low, high].map((end) => Plot.tickX(results, { x: end, y: label, stroke: "var(--accent)", inset: 6 })),
        Plot.dot(results, { x: accuracy, y: label, fill: "var(--accent)", r: 3 }),
      ],
    }),
    coverage: against(`coverage@${cutoff}`, "share of the catalogue that is listed"),
    novelty: against(`novelty@${cutoff}`, "novelty of listed items, bits"),
    fitTime: draw({
      ...rows,
      marginRight: 44,
      x: { label: "seconds", grid: true, ticks: 4 },
      y: names,
      marks: [
        Plot.barX(results, { x: "fitSeconds", y: label, fill: "var(--accent)", insetTop: 3, insetBottom: 3 }),
        Plot.text(results, {
          x: "fitSeconds",
          y: label,
          text: ({ fitSeconds }) => fitSeconds.toFixed(1),
          textAnchor: "start",
          dx: 4,
        }),
      ],
    }),
    cohorts: COHORTS.flatMap((cohort) => {
      const lists = results[0]?.cohorts.find((one) => one.cohort === cohort)?.cases ?? 0;
      return lists === 0 ? [] : [{ name: COHORT_NAMES[cohort], lists, chart: ofCohort(cohort) }];
    }),
  };
}
