import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { startCollector } from "../../../test/fixtures/collector.ts";
import { temporaryLog } from "../../../test/fixtures/recommender.ts";
import { generatedFiles } from "./generate.ts";
import { SNIPPET } from "./generated.ts";

test("the snippet has less than 2 kB, uncompressed", () => {
  expect(Buffer.byteLength(SNIPPET)).toBeGreaterThan(1_000);
  expect(Buffer.byteLength(SNIPPET)).toBeLessThan(2_000);
});

test("what is committed, for pages and in the documentation, is what the source gives", async () => {
  for (const [path, text] of await generatedFiles()) expect(readFileSync(path, "utf8"), path).toBe(text);
});

test("the collector serves it to pages of any origin, and says when a browser has it", async () => {
  const log = await temporaryLog();
  const collector = await startCollector({ log, writeKeys: () => [] });
  const address = `${collector.address}/v1/snippet.js`;
  const response = await fetch(address, { headers: { origin: "https://shop.example" } });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(SNIPPET);
  expect(response.headers.get("content-type")).toContain("text/javascript");
  expect(response.headers.get("cache-control")).toMatch(/public, max-age=\d+/);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  const etag = response.headers.get("etag") ?? "";
  // Node's fetch would ask for a fresh one.
  const headers = { "if-none-match": etag, "cache-control": "max-age=0" };
  expect((await fetch(address, { headers })).status).toBe(304);
  expect((await fetch(address, { method: "POST" })).status).toBe(405);
  await collector.close();
  await log.close();
});
