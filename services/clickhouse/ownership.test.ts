import { describe, expect, test } from "vitest";
import { emptyDatabase } from "../../test/fixtures/clickhouse.ts";
import { type ClickHouse, claimDatabase, DatabaseTakenError, databaseOwner, dropDatabase, migrate } from "./index.ts";

const SHOP = { pipeline: "shops/shop", uid: "uid-1" };
const AGAIN = { pipeline: "shops/shop", uid: "uid-2" };
const OTHER = { pipeline: "shops/other", uid: "" };

const layoutOf = ({ database }: ClickHouse) => ({ database });
const claim = (clickhouse: ClickHouse, owner: typeof SHOP, options: { adopt?: boolean; now?: number } = {}) =>
  claimDatabase(clickhouse, layoutOf(clickhouse), owner, { adopt: false, now: 1_000, ...options });
const tables = async (clickhouse: ClickHouse) =>
  (await clickhouse.query<{ name: string }>("SELECT name FROM system.tables WHERE database = currentDatabase()")).map(
    ({ name }) => name,
  );

describe("a database", () => {
  test("is the first pipeline's that claims it, as often as it does, until another takes it over", async () => {
    const clickhouse = await emptyDatabase();
    expect(await databaseOwner(clickhouse)).toBeNull();
    await claim(clickhouse, SHOP);
    await claim(clickhouse, SHOP, { now: 2_000 });
    expect(await databaseOwner(clickhouse)).toEqual(SHOP);
    await expect(claim(clickhouse, AGAIN)).rejects.toThrow(DatabaseTakenError);
    await expect(claim(clickhouse, OTHER)).rejects.toThrow(/was made by the pipeline shops\/shop \(uid uid-1\)/);

    await claim(clickhouse, AGAIN, { adopt: true, now: 3_000 });
    await expect(claim(clickhouse, SHOP)).rejects.toThrow(/uid-2/);
    await claim(clickhouse, SHOP, { adopt: true, now: 4_000 });
    expect(await databaseOwner(clickhouse)).toEqual(SHOP);
  });

  test("of a file without a uid is that of the resource with its name", async () => {
    const clickhouse = await emptyDatabase();
    await claim(clickhouse, { pipeline: SHOP.pipeline, uid: "" });
    await claim(clickhouse, SHOP);
    await expect(claim(clickhouse, OTHER)).rejects.toThrow(DatabaseTakenError);
  });
});

describe("dropping it", () => {
  test("is refused to whom it does not belong", async () => {
    const clickhouse = await emptyDatabase();
    await claim(clickhouse, SHOP);
    await expect(dropDatabase(clickhouse, layoutOf(clickhouse), AGAIN)).rejects.toThrow(DatabaseTakenError);
    expect(await tables(clickhouse)).toContain("database_owner");
  });

  test("leaves the tables of others, and the database for their sake", async () => {
    const clickhouse = await emptyDatabase();
    const layout = layoutOf(clickhouse);
    await migrate(clickhouse, layout, Date.now);
    await claim(clickhouse, SHOP);
    await clickhouse.command("CREATE TABLE books (line UInt32) ENGINE = MergeTree ORDER BY line");
    await clickhouse.command("CREATE TABLE training_left_over (line UInt32) ENGINE = MergeTree ORDER BY line");
    expect(await dropDatabase(clickhouse, layout, SHOP)).toEqual(["books"]);
    expect(await tables(clickhouse)).toEqual(["books"]);
    await clickhouse.command("DROP TABLE books");
    expect(await dropDatabase(clickhouse, layout, SHOP)).toEqual([]);
    const [left] = await clickhouse.query<{ databases: string }>(
      `SELECT count() AS databases FROM system.databases WHERE name = '${clickhouse.database}'`,
    );
    expect(left?.databases).toBe("0");
  });
});
