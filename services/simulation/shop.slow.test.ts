import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const PROGRAM = `
  import { createShop } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
  let events = 0;
  for (const _ of createShop({ seed: 1, start: Date.UTC(2024, 0, 1) }).events({ count: 5_000_000 })) events += 1;
  console.log(events);
`;

it("makes five million events in a heap of 64 MB", async () => {
  const flags = ["--max-old-space-size=64", "--input-type=module", "--eval", PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  expect(stdout.trim()).toBe("5000000");
});
