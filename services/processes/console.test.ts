import { afterEach, beforeEach, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { publishNeighbours } from "../../test/fixtures/recommender.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { consoleModels } from "./console.ts";

let clickhouse: ClickHouse;
let clock = 10;

beforeEach(async () => {
  clickhouse = await migratedDatabase();
  for (const [at, version] of ["a", "b", "c"].entries()) {
    await publishNeighbours(clickhouse, { version, at: at + 1 }, { teapot: { cup: 1 }, cup: { teapot: 1 } });
  }
});
afterEach(() => clickhouse.close());

const models = (onMoved: () => Promise<void> = async () => {}) =>
  consoleModels(
    { pages: clickhouse, actions: clickhouse },
    {
      ...{ pinned: () => undefined, onMoved },
      now: () => {
        clock += 1;
        return clock;
      },
    },
  );

test("a roll back goes one version back, however often it is asked for with the same champion", async () => {
  const { rollBack, registry } = models();
  const asked = await Promise.allSettled([rollBack("c"), rollBack("c")]);
  expect(asked.some(({ status }) => status === "fulfilled")).toBe(true);
  await expect(rollBack("c")).rejects.toMatchObject({
    code: "version_refused",
    message: "b is the champion by now, not c: somebody moved it meanwhile",
  });
  expect(await registry()).toMatchObject({ aliases: { champion: "b" }, lineage: ["a", "b"], hasOlder: false });
  expect(await rollBack("b")).toEqual({ version: "a", replaces: "b", pending: null });
});

test("what was promoted stays so, and is told with why it is not served yet", async () => {
  const { promote, registry } = models(() => Promise.reject(new Error("the tables are away")));
  expect(await promote("a")).toEqual({ version: "a", replaces: "c", pending: "the tables are away" });
  expect((await registry()).aliases).toEqual({ champion: "a", itemNeighbours: "c" });
});

test("a version of any age is found by its name", async () => {
  expect(await models().version("a")).toMatchObject({ version: "a", algorithm: "itemNeighbours" });
  expect(await models().version("z")).toBeUndefined();
});
