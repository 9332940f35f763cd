/** How time grows with the activity: each algorithm fitted on one, three and ten times as much. */
import type { Row } from "../row.ts";
import { runProgram, type Took } from "./programs.ts";

const TIMES = [1, 3, 10];
/** Where 1 would be linear. */
const STEEPEST = 1.15;

/** @param events of the smallest */
export async function benchGrowth(events: number): Promise<Row[]> {
  const runs: { readonly events: number; readonly fits: Readonly<Record<string, Took>> }[] = [];
  for (const times of TIMES) {
    const fits = await runProgram<Record<string, Took>>("fit-simulated.ts", [String(times * events)]);
    runs.push({ events: times * events, fits });
  }
  return Object.keys(runs[0]?.fits ?? {}).flatMap((name): Row[] => {
    const of = (measure: (fit: Took) => number) =>
      slope(runs.flatMap(({ events: size, fits }) => (fits[name] === undefined ? [] : [[size, measure(fits[name])]])));
    const largest = runs.at(-1)?.fits[name];
    return [
      { name: `${name}: slope of time`, value: of(({ seconds }) => seconds), unit: "", most: STEEPEST },
      { name: `${name}: slope of processor time`, value: of(({ cpuSeconds }) => cpuSeconds), unit: "", most: STEEPEST },
      { name: `${name}: ${runs.at(-1)?.events} events`, value: largest?.seconds ?? Number.NaN, unit: "s" },
    ];
  });
}

/** Of the line through the logarithms, by least squares. @param points [size, time] */
export function slope(points: readonly (readonly number[])[]): number {
  const logarithms = points.map((point) => point.map(Math.log));
  const mean = (of: (point: readonly number[]) => number) =>
    logarithms.reduce((sum, point) => sum + of(point), 0) / logarithms.length;
  const [x, y] = [mean(([size = 0]) => size), mean(([, time = 0]) => time)];
  return mean(([size = 0, time = 0]) => (size - x) * (time - y)) / mean(([size = 0]) => (size - x) ** 2);
}
