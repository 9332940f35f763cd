import { availableParallelism } from "node:os";
import { table } from "../../services/cli/output.ts";
import type { Row } from "./row.ts";

export function machine(): string {
  return `Node ${process.version}, ${availableParallelism()} cores. Quote ratios: machines differ and are noisy.`;
}

/** Figures under a heading, each with what it should reach. */
export function report(heading: string, rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    row.value.toPrecision(4),
    row.unit,
    row.ratio?.toFixed(3) ?? "",
    verdict(row),
  ]);
  return table([heading.toUpperCase(), "VALUE", "UNIT", "RATIO", "TARGET"], cells);
}

function verdict({ value, ratio = Number.NaN, target, most }: Row): string {
  if (target !== undefined) return `${ratio >= target ? "reached" : "MISSED"} (${target})`;
  if (most !== undefined) return `${value <= most ? "reached" : "MISSED"} (at most ${most})`;
  return "";
}
