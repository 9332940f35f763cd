import { SingleBar } from "cli-progress";
import type { Logger } from "pino";
import { createLogger } from "../telemetry/index.ts";

export interface Progress {
  update(done: number, total: number, label?: string): void;
  stop(): void;
}

/** A bar on standard error where a person watches; nothing where a program does. */
export function progressBar(label: string, unit: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: `{label} [{bar}] {percentage}% | {value}/{total} ${unit} | {eta_formatted} left`,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  });
  let started = false;
  return {
    update(done, total, now = label) {
      if (!started) bar.start(total, done, { label: now });
      started = true;
      bar.setTotal(total);
      bar.update(done, { label: now });
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}

/** JSON lines on standard error; warnings and worse unless PRODUCTMATCHER_LOG names another level. */
export function commandLogger(): Logger {
  return createLogger(process.env.PRODUCTMATCHER_LOG ?? "warn");
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Rows below their headings, each column as wide as its longest cell; columns of numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" ? count(cell) : cell)));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const right = headings.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [headings, ...cells].map(line).join("\n");
}
