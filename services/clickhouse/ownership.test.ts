import { describe, expect, test } from "vitest";
import { emptyDatabase } from "../../test/fixtures/clickhouse.ts";
import { type ClickHouse, claimDatabase, DatabaseTakenError, databaseOwner, dropDatabase, migrate } from "./index.ts";

const SHOP = { pipeline: "shops/shop", uid: "uid-1" };
const AGAIN = { pipeline: "shops/shop", uid: "uid-2" };
const OTHER = { pipeline: "shops/other", uid: "" };

const layoutOf = ({ database }: ClickHouse) => ({ database });
const claim = (clickhouse: ClickHouse, owner: typeof SHOP, adopt = false) =>
  claimDatabase(clickhouse, layoutOf(clickhouse), owner, { adopt });
const tables = async (clickhouse: ClickHouse) =>
  (await clickhouse.query<{ name: string }>("SELECT name FROM system.tables WHERE database = currentDatabase()")).map(
    ({ name }) => name,
  );

describe("a database", () => {
  test("is the first pipeline's that claims it, as often as it does, until another takes it over", async () => {
    const clickhouse = await emptyDatabase();
    expect(await databaseOwner(clickhouse)).toBeNull();
    await claim(clickhouse, SHOP);
    await claim(clickhouse, SHOP);
    expect(await databaseOwner(clickhouse)).toEqual(SHOP);
    await expect(claim(clickhouse, AGAIN)).rejects.toThrow(DatabaseTakenError);
    await expect(claim(clickhouse, OTHER)).rejects.toThrow(/was made by the pipeline shops\/shop \(uid uid-1\)/);

    await claim(clickhouse, AGAIN, true);
    await expect(claim(clickhouse, SHOP)).rejects.toThrow(/uid-2/);
    await claim(clickhouse, SHOP, true);
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

  test("that nobody has claimed takes no table, whatever its name, and an empty database", async () => {
    const clickhouse = await emptyDatabase();
    await clickhouse.command("CREATE TABLE events (line UInt32) ENGINE = MergeTree ORDER BY line");
    expect(await dropDatabase(clickhouse, layoutOf(clickhouse), SHOP)).toEqual(["events"]);
    expect(await tables(clickhouse)).toEqual(["events"]);
  });

  test("leaves the tables of others, and the database for their sake", async () => {
    const clickhouse = await emptyDatabase();
    const layout = layoutOf(clickhouse);
    await migrate(clickhouse, layout, Date.now);
    await claim(clickhouse, SHOP);
    await clickhouse.command("CREATE TABLE books (line UInt32) ENGINE = MergeTree ORDER BY line");
    await clickhouse.command("CREATE TABLE training_labels (line UInt32) ENGINE = MergeTree ORDER BY line");
    await clickhouse.command(
      "CREATE TABLE training_20260101T000000Z_1a2b_past (a UInt8) ENGINE = MergeTree ORDER BY a",
    );
    expect((await dropDatabase(clickhouse, layout, SHOP)).sort()).toEqual(["books", "training_labels"]);
    expect((await tables(clickhouse)).sort()).toEqual(["books", "training_labels"]);
    await clickhouse.command("DROP TABLE books");
    await clickhouse.command("DROP TABLE training_labels");
    expect(await dropDatabase(clickhouse, layout, SHOP)).toEqual([]);
    const [left] = await clickhouse.query<{ databases: string }>(
      `SELECT count() AS databases FROM system.databases WHERE name = '${clickhouse.database}'`,
    );
    expect(left?.databases).toBe("0");
  });
});
