import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { clickHouseFolder } from "../fixtures/clickhouse.ts";
import { type ClickHouseFront, type FrontOptions, startClickHouseFront } from "./clickhouse-front.ts";
import { startFrontProcess } from "./front-process.ts";

let front: ClickHouseFront;
const clients: ReturnType<typeof createClient>[] = [];

function open(options: Parameters<typeof createClient>[0] = {}) {
  const client = createClient({
    url: front.url,
    request_timeout: 2_000,
    // The tests look at the errors themselves.
    log: { level: ClickHouseLogLevel.OFF },
    ...options,
  });
  clients.push(client);
  return client;
}

async function start(options: Partial<FrontOptions> = {}) {
  front = await startClickHouseFront({ path: clickHouseFolder(), ...options });
}

beforeAll(async () => {
  await start();
  await open().command({ query: "CREATE DATABASE front" });
  await open({ database: "front" }).command({
    query: `CREATE TABLE rows (id UInt64, text String) ENGINE = MergeTree ORDER BY id
      SETTINGS non_replicated_deduplication_window = 100`,
  });
});
afterEach(async () => {
  await front.fault(null);
  await front.setCredentials(null);
  await open({ database: "front" }).command({ query: "TRUNCATE TABLE rows" });
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => front.close());

async function stored(): Promise<number[]> {
  await front.fault(null);
  const result = await open({ database: "front" }).query({
    query: "SELECT toUInt32(id) AS id FROM rows ORDER BY id",
    format: "JSONEachRow",
  });
  return (await result.json<{ id: number }>()).map(({ id }) => id);
}

const insert = (ids: readonly number[], options?: Parameters<typeof open>[0]) =>
  open({ database: "front", ...options }).insert({
    table: "rows",
    values: ids.map((id) => ({ id })),
    format: "JSONEachRow",
  });

describe("the unmodified client", () => {
  test.each(["plain", "it's a \\ back\\slash\tand\na line, \\t too", "ünïcode 🫖", ""])(
    "gets parameters back as it sent them: %j",
    async (text) => {
      const result = await open().query({
        query: "SELECT {text:String} AS text, {list:Array(String)} AS list, {none:Nullable(String)} AS none",
        query_params: { text, list: [text, "b"], none: null },
        format: "JSONEachRow",
      });
      expect(await result.json()).toEqual([{ text, list: [text, "b"], none: null }]);
    },
  );

  test("takes parameters of a megabyte, and no more than a server does", async () => {
    const list = (count: number) => Array.from({ length: count }, (_, index) => `item-${index}`);
    const count = async (length: number) => {
      const query = "SELECT toUInt32(length({list:Array(String)})) AS n";
      const result = await open().query({ query, query_params: { list: list(length) }, format: "JSONEachRow" });
      return result.json();
    };
    expect(await count(40_000)).toEqual([{ n: 40_000 }]);
    await expect(count(80_000)).rejects.toThrow();
  });

  test("inserts in gzip, reads in gzip, and hears how many rows were written", async () => {
    const client = open({ database: "front", compression: { request: true, response: true } });
    const { summary } = await client.insert({
      table: "rows",
      values: Array.from({ length: 1_000 }, (_, id) => ({ id, text: "a text" })),
      format: "JSONEachRow",
    });
    expect(summary).toMatchObject({ written_rows: "1000" });
    const result = await client.query({ query: "SELECT text FROM rows", format: "JSONEachRow" });
    expect(await result.json()).toHaveLength(1_000);
  });

  test("gets ClickHouse's own errors", async () => {
    await expect(open().command({ query: "SELECT * FROM nowhere" })).rejects.toMatchObject({
      code: "60",
      type: "UNKNOWN_TABLE",
    });
    await expect(
      open({ database: "front" }).insert({ table: "rows", values: [{ id: "x" }], format: "JSONEachRow" }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(27|72)$/) });
    await expect(
      open({ clickhouse_settings: { readonly: "1" } }).command({ query: "CREATE DATABASE x" }),
    ).rejects.toMatchObject({
      code: "164",
    });
  });

  test("many at once: settings, parameters and databases of one statement are not those of another", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const result = await open(number % 2 === 0 ? { database: "front" } : {}).query({
          query: `SELECT currentDatabase() AS db, toString(getSetting('max_threads')) AS threads
            ${number % 3 === 0 ? ", {n:UInt32} AS n" : ""}`,
          ...(number % 3 === 0 ? { query_params: { n: number } } : {}),
          ...(number % 5 === 0 ? { clickhouse_settings: { max_threads: 7 } } : {}),
          format: "JSONEachRow",
        });
        return (await result.json<object>())[0];
      }),
    );
    const [plain] = answers.filter((_, number) => number === 1) as { threads: string }[];
    expect(plain?.threads).not.toBe("7");
    expect(answers).toEqual(
      answers.map((_, number) => ({
        db: number % 2 === 0 ? "front" : "default",
        threads: number % 5 === 0 ? "7" : plain?.threads,
        ...(number % 3 === 0 ? { n: number } : {}),
      })),
    );
  });

  test("a deduplication token holds for its own insert alone", async () => {
    const settings = { clickhouse_settings: { insert_deduplication_token: "one" } };
    await insert([1], settings);
    await insert([2], settings);
    for (const id of [3, 4, 5, 6, 7, 8]) await insert([id]);
    expect(await stored()).toEqual([1, 3, 4, 5, 6, 7, 8]);
  });

  test("is refused with another password than the one of the moment", async () => {
    await front.setCredentials({ username: "shop", password: "secret" });
    await expect(insert([1], { username: "shop", password: "old" })).rejects.toMatchObject({ code: "516" });
    await insert([2], { username: "shop", password: "secret" });
    await front.setCredentials(null);
    expect(await stored()).toEqual([2]);
  });
});

describe("faults", () => {
  test("Refuse: nothing connects; afterwards it is at the same place", async () => {
    await insert([1]);
    await front.fault({ kind: "Refuse" });
    await expect(insert([2])).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await front.fault(null);
    await insert([3]);
    expect(await stored()).toEqual([1, 3]);
  });

  test.each([
    ["Hang", /Timeout/, { request_timeout: 300 }],
    ["Cut", /hang up|aborted|reset/, {}],
    ["Fail", /Injected/, {}],
    ["BadGateway", /502/, {}],
  ] as const)(
    "%s: the client gets an error; what was to be stored before it is not there, after it is",
    async (kind, error, options) => {
      await front.fault({ kind, when: "Before", on: "Insert", times: 1 });
      await expect(insert([1], options)).rejects.toThrow(error);
      await insert([2]);
      await front.fault({ kind, when: "After", on: "Insert", times: 1 });
      await expect(insert([3], options)).rejects.toThrow(error);
      expect(await stored()).toEqual([2, 3]);
    },
  );

  test("Slow and every: only every third insert of this table is late", async () => {
    await front.fault({ kind: "Slow", milliseconds: 400, matching: "INTO rows", every: 3 });
    const times: boolean[] = [];
    for (let id = 0; id < 6; id += 1) {
      const started = performance.now();
      await insert([id]);
      times.push(performance.now() - started >= 400);
    }
    expect(times).toEqual([false, false, true, false, false, true]);
    expect((await front.counts()).faults).toBeGreaterThanOrEqual(2);
  });
});

describe("in a process of its own", () => {
  test("it is killed and comes back at the same place with what it had acknowledged", async () => {
    const own = await startFrontProcess({ credentials: { username: "shop", password: "secret" } });
    try {
      const client = open({ url: own.url, username: "shop", password: "secret" });
      await client.command({ query: "CREATE TABLE rows (id UInt64) ENGINE = MergeTree ORDER BY id" });
      const insertRow = (id: number) => client.insert({ table: "rows", values: [{ id }], format: "JSONEachRow" });
      await insertRow(1);
      await own.kill();
      await expect(insertRow(2)).rejects.toMatchObject({ code: "ECONNREFUSED" });
      await own.start();
      await insertRow(3);
      await own.fault({ kind: "Fail", when: "Before", code: 252, type: "TOO_MANY_PARTS" });
      await expect(insertRow(4)).rejects.toMatchObject({ code: "252" });
      await own.fault(null);
      const result = await client.query({
        query: "SELECT toUInt32(id) AS id FROM rows ORDER BY id",
        format: "JSONEachRow",
      });
      expect(await result.json()).toEqual([{ id: 1 }, { id: 3 }]);
      expect(await own.counts()).toMatchObject({ faults: 1 });
    } finally {
      await own.remove();
    }
  });
});
