import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../test/fixtures/clickhouse.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../test/kafka/clickhouse-front.ts";
import { type ClickHouse, failureOf, openClickHouse } from "./index.ts";

let front: ClickHouseFront;
let clickhouse: ClickHouse;
let server: ClickHouse;

beforeAll(async () => {
  clickhouse = await migratedDatabase();
  if (clickhouse.target.kind !== "embedded") throw new Error("the engine of the test is embedded");
  front = await startClickHouseFront({ path: clickhouse.target.path });
  server = await openClickHouse(
    { kind: "server", url: front.url, username: "shop", password: "secret" },
    clickhouse.database,
    { timeoutSeconds: 2 },
  );
});
afterAll(async () => {
  await server.close();
  await front.close();
  await clickhouse.close();
});

/** Of a statement that fails. */
async function failure(statement: () => Promise<unknown>) {
  try {
    await statement();
  } catch (error) {
    return failureOf(error);
  }
  throw new Error("the statement did not fail");
}

const event = { event_id: "e", actor_id: "ann", occurred_at: Date.UTC(2026, 0, 1) };

describe.each([
  ["over HTTP", () => server],
  ["in the process", () => clickhouse],
] as const)("what the engine itself says, %s", (_name, connection) => {
  test.each([
    ["Data", "a row that cannot be", { ...event, quantity: "many" }, "events"],
    ["Schema", "a table that is away", event, "nowhere"],
  ] as const)("%s: %s", async (cause, _what, row, table) => {
    expect(await failure(() => connection().insert(table, [row]))).toMatchObject({ cause });
  });

  test.each([
    ["Schema", "SELECT nothing FROM events", /migrate.*columns/],
    ["Schema", "SELECT 1 FROM nowhere.events", /Database nowhere.*migrate/],
    ["Rights", "INSERT INTO events (event_id) SETTINGS readonly = 1 SELECT ''", /grant/],
    [
      "Overload",
      "SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000",
      /memory.*\(code 241\)/i,
    ],
    ["Timeout", "SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_execution_time = 1", /load/],
    ["Overload", "SELECT count() FROM numbers(1000000) SETTINGS max_rows_to_read = 10", /\(code 158\)/],
  ] as const)("%s: %s", async (cause, sql, problem) => {
    const told = await failure(() => connection().command(sql));
    expect(told).toMatchObject({ cause, problem: expect.stringMatching(problem) });
    expect(told.problem).not.toContain("\n");
    expect(told.problem.length).toBeLessThan(700);
  });

  test("Overload: too many parts", async () => {
    await connection().command(
      `CREATE OR REPLACE TABLE crowded (a UInt64) ENGINE = MergeTree ORDER BY a PARTITION BY a % 2
       SETTINGS parts_to_throw_insert = 1, parts_to_delay_insert = 1`,
    );
    const insert = async () => {
      for (let a = 0; a < 10; a += 1) await connection().insert("crowded", [{ a: 2 }]);
    };
    expect(await failure(insert)).toMatchObject({ cause: "Overload", problem: expect.stringContaining("252") });
  });
});

describe("what is told by the way to a server", () => {
  test("Credentials: a wrong password", async () => {
    await front.setCredentials({ username: "shop", password: "another" });
    const told = await failure(() => server.query("SELECT 1"));
    await front.setCredentials(null);
    expect(told).toMatchObject({ cause: "Credentials", problem: expect.stringContaining("set the username") });
  });

  test.each([
    ["Unreachable", { kind: "Refuse" }, /ECONNREFUSED.*can be reached/],
    ["Unreachable", { kind: "Cut", when: "Before" }, /can be reached/],
    ["Unreachable", { kind: "Cut", when: "After" }, /can be reached/],
    ["Timeout", { kind: "Hang", when: "Before" }, /within 2 s/],
    ["Unknown", { kind: "BadGateway", when: "Before" }, /502/],
    ["Unknown", { kind: "Fail", when: "Before", code: 9_999, type: "NEVER_SEEN" }, /Injected.*9999/],
    ["Overload", { kind: "Fail", when: "Before", code: 201, type: "QUOTA_EXCEEDED" }, /code 201/],
    ["Storage", { kind: "Fail", when: "Before", code: 243, type: "NOT_ENOUGH_SPACE" }, /disks/],
    ["Storage", { kind: "Fail", when: "Before", code: 242, type: "TABLE_IS_READ_ONLY" }, /Keeper/],
    ["Rights", { kind: "Fail", when: "Before", code: 497, type: "ACCESS_DENIED" }, /grant/],
  ] as const)("%s: %j", async (cause, fault, problem) => {
    await front.fault(fault);
    const told = await failure(() => server.insert("events", [event]));
    await front.fault(null);
    expect(told).toMatchObject({ cause, problem: expect.stringMatching(problem) });
  });

  test("a name with several addresses, none of which answers", async () => {
    const away = await openClickHouse(
      { kind: "server", url: "http://localhost:1", username: "shop", password: "" },
      "shop",
    );
    expect(await failure(() => away.query("SELECT 1"))).toMatchObject({
      cause: "Unreachable",
      problem: expect.stringContaining("ECONNREFUSED"),
    });
    await away.close();
  });
});

test("an error that is no error of ClickHouse is unknown, never the data", () => {
  expect(failureOf("what")).toEqual({ cause: "Unknown", problem: "what" });
  expect(failureOf(new TypeError("x is undefined"))).toMatchObject({ cause: "Unknown" });
});
