/** A story: steps that follow from each other, and at its end a table of them with what each took. */
import { afterAll, expect, test } from "vitest";

interface Told {
  readonly name: string;
  readonly seconds: number;
  readonly note: string;
}

const told: Told[] = [];
let failed: string | null = null;

/** @param work may give a text for the table */
export function step(name: string, work: () => Promise<unknown>, timeoutSeconds = 300): void {
  test(
    name,
    async () => {
      // What the step before should have made is not there.
      expect(failed, "an earlier step failed").toBeNull();
      failed = name;
      const began = performance.now();
      const note = await work();
      told.push({ name, seconds: (performance.now() - began) / 1_000, note: typeof note === "string" ? note : "" });
      failed = null;
    },
    timeoutSeconds * 1_000,
  );
}

afterAll(() => {
  const width = Math.max(...told.map(({ name }) => name.length));
  const lines = told.map(
    ({ name, seconds, note }) => `${seconds.toFixed(1).padStart(7)} s  ${name.padEnd(width)}  ${note}`,
  );
  console.log(["", ...lines.map((line) => line.trimEnd())].join("\n"));
});
