import { afterAll, beforeAll, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { type ClickHouse, listPromotions, listVersions, pointAliases, recordVersion } from "./index.ts";

let clickhouse: ClickHouse;

beforeAll(async () => {
  clickhouse = await migratedDatabase();
  for (const at of [1, 2, 3, 4, 5]) {
    await recordVersion(clickhouse, {
      ...{ version: `v${at}`, algorithm: "popular", status: "refused", reason: "", configuration: { parameters: {} } },
      ...{ dataFrom: null, dataTo: null, events: 0, actors: 0, items: 0, metrics: {}, entries: 0, checksum: "" },
      ...{ fitSeconds: 0, createdAt: at * 1_000 },
    });
    await pointAliases(clickhouse, new Map([["champion", `v${at}`]]), at);
  }
});
afterAll(() => clickhouse.close());

const names = async (...choice: [] | [{ newest: number; names: string[] }]) =>
  (await listVersions(clickhouse, ...choice)).map(({ version }) => version);

test("the newest versions are listed, and others by name, each once and in their order", async () => {
  expect(await names()).toEqual(["v5", "v4", "v3", "v2", "v1"]);
  expect(await names({ newest: 2, names: ["v1"] })).toEqual(["v5", "v4", "v1"]);
  expect((await names({ newest: 2, names: ["v5"] })).slice(0, 2)).toEqual(["v5", "v4"]);
  expect(await names({ newest: 0, names: ["v3", "v9"] })).toEqual(["v3"]);
});

test("the newest promotions are listed", async () => {
  const promotions = await listPromotions(clickhouse, "champion", 2);
  expect(promotions.map(({ version, replaces }) => [version, replaces])).toEqual([
    ["v5", "v4"],
    ["v4", "v3"],
  ]);
});
