import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ClickHouse, openClickHouse } from "../../clickhouse/index.ts";
import { openReplaySource } from "./index.ts";

const DATA = process.env.PRODUCTMATCHER_DATA ?? resolve(import.meta.dirname, "../../../../shared/data");

let folder: string;
let engine: ClickHouse;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "productmatcher-sources-"));
  engine = await openClickHouse({ kind: "embedded", path: join(folder, "engine") }, "sources");
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

it.each([
  ["uci-online-retail/online_retail.parquet", "uci", 541_909, "2010-12-01T08:26:00.000Z", "2011-12-09T12:50:00.000Z"],
  ["retailrocket-events/events.csv", "retailrocket", 97_381, "2015-05-03T03:25:10.000Z", null],
  ["otto-sample/sessions.jsonl", "otto", 20, "2022-07-31T22:00:00.025Z", null],
] as const)("%s gives each of its records once, in order", async (path, format, records, first, last) => {
  const source = await openReplaySource(join(DATA, path), "auto", { engine, readTimes: true });
  let row = 0;
  let firstAt: number | null = null;
  let lastAt: number | null = null;
  try {
    for await (const batch of source.batches(5_000)) {
      for (const { recordId, key, occurredAt, value } of batch) {
        row += 1;
        expect(recordId.endsWith(`#${row}`) && key !== null && occurredAt !== null && value.byteLength > 0).toBe(true);
        firstAt ??= occurredAt;
        lastAt = occurredAt;
      }
    }
  } finally {
    await source.close();
  }
  expect([source.format, source.records, row]).toEqual([format, records, records]);
  expect(new Date(firstAt ?? 0).toISOString()).toBe(first);
  if (last !== null) expect(new Date(lastAt ?? 0).toISOString()).toBe(last);
});
