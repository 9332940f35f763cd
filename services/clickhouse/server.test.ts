import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clickHouseFolder } from "../../test/fixtures/clickhouse.ts";
import { makeCertificates } from "../../test/kafka/certificates.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../test/kafka/clickhouse-front.ts";
import { type ClickHouse, type ClickHouseServer, migrate, openClickHouse } from "./index.ts";

let folder: string;
let front: ClickHouseFront;
const opened: ClickHouse[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-clickhouse-server-"));
  front = await startClickHouseFront({ path: clickHouseFolder() });
});
beforeEach(() => {
  writeFileSync(join(folder, "username"), "shop\n");
  writeFileSync(join(folder, "password"), "first");
});
afterEach(async () => {
  await front.fault(null);
  await front.setCredentials(null);
  await Promise.all(opened.splice(0).map((clickhouse) => clickhouse.close()));
});
afterAll(async () => {
  await front.close();
  rmSync(folder, { recursive: true });
});

function server(options: Partial<ClickHouseServer> = {}): ClickHouseServer {
  return {
    kind: "server",
    url: front.url,
    username: { file: join(folder, "username") },
    password: { file: join(folder, "password") },
    ...options,
  };
}

async function open(target: ClickHouseServer, database: string, timeoutSeconds = 5) {
  const clickhouse = await openClickHouse(target, database, { timeoutSeconds });
  opened.push(clickhouse);
  return clickhouse;
}

describe("a server", () => {
  test("gets its database by migrate alone; opening asks for nothing", async () => {
    const clickhouse = await open(server(), "by_migrate");
    expect((await front.counts()).statements).toBe(0);
    await expect(clickhouse.query("SELECT 1")).rejects.toMatchObject({ code: "81" });
    await migrate(clickhouse, { database: "by_migrate" }, Date.now);
    await clickhouse.insert("events", [{ event_id: "e1", actor_id: "ann", occurred_at: Date.UTC(2026, 0, 1) }]);
    expect(
      await clickhouse.query("SELECT event_id, price FROM events WHERE event_id = {id:String}", { id: "e1" }),
    ).toEqual([{ event_id: "e1", price: null }]);
  });

  test.each([
    ["a server's", server],
    ["the embedded engine's", () => ({ kind: "embedded", path: clickHouseFolder() }) as const],
  ])("%s statement that needs more memory than the connection gives it fails", async (_, target) => {
    const clickhouse = await openClickHouse(target(), "default", { statementBytes: 50_000_000 });
    opened.push(clickhouse);
    const grouped = (rows: number) => `SELECT uniqExact(number) AS found FROM numbers(${rows})`;
    expect(await clickhouse.query(grouped(1_000))).toEqual([{ found: "1000" }]);
    await expect(clickhouse.query(grouped(20_000_000))).rejects.toMatchObject({ code: "241" });
  });

  test("a password that was changed is read again and the statement goes on", async () => {
    await front.setCredentials({ username: "shop", password: "first" });
    const clickhouse = await open(server(), "default");
    await clickhouse.command("SELECT 1");
    await front.setCredentials({ username: "shop", password: "second" });
    await expect(clickhouse.query("SELECT 1 AS one")).rejects.toMatchObject({ code: "516" });
    writeFileSync(join(folder, "password"), "second\n");
    const answers = await Promise.all([1, 2, 3].map(() => clickhouse.query("SELECT 1 AS one")));
    expect(answers).toEqual([[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]]);
  });

  test("a file that is not there is named", async () => {
    await expect(open(server({ password: { file: join(folder, "nowhere") } }), "default")).rejects.toThrow("nowhere");
  });

  test("its certificate is checked against the authority of a file, which may be renewed", async () => {
    const [one, other] = [mkdtempSync(join(folder, "one-")), mkdtempSync(join(folder, "other-"))];
    const { caFile, brokerFile } = await makeCertificates(one);
    const { caFile: otherFile } = await makeCertificates(other);
    const pem = readFileSync(brokerFile, "utf8");
    const secure = await startClickHouseFront({ path: clickHouseFolder(), tls: { cert: pem, key: pem } });
    try {
      const file = join(folder, "ca.pem");
      writeFileSync(file, readFileSync(otherFile));
      const clickhouse = await open(server({ url: secure.url, caCertificate: { file } }), "default");
      await expect(clickhouse.query("SELECT 1 AS one")).rejects.toThrow(/certificate|signature/);
      writeFileSync(file, readFileSync(caFile));
      expect(await clickhouse.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    } finally {
      await secure.close();
    }
  });
});

describe("no statement takes longer than its time", () => {
  test.each(["Before", "After"] as const)("a server that does not answer (%s it did the work)", async (when) => {
    const clickhouse = await open(server(), "default", 1);
    await front.fault({ kind: "Hang", when, times: 2 });
    await expect(clickhouse.query("SELECT 1")).rejects.toMatchObject({ code: "timeout" });
    await expect(clickhouse.command("SELECT 1")).rejects.toThrow("no answer from ClickHouse within 1 s");
    expect(await clickhouse.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("a server that stops in the middle of its answer", async () => {
    const clickhouse = await open(server(), "default", 1);
    await front.fault({ kind: "Stall", times: 1 });
    await expect(clickhouse.query("SELECT number FROM numbers(10000)")).rejects.toMatchObject({ code: "timeout" });
  });

  test("a query that is too long is ended by the engine, too", async () => {
    const clickhouse = await open(server(), "default", 1);
    await expect(clickhouse.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)")).rejects.toMatchObject({
      code: expect.stringMatching(/^(159|timeout)$/),
    });
  });
});

describe("until", () => {
  test("gives up what runs and what comes later; the connection itself goes on", async () => {
    const clickhouse = await open(server(), "default");
    const controller = new AbortController();
    const bounded = clickhouse.until(controller.signal);
    expect(await bounded.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await front.fault({ kind: "Hang", when: "Before", times: 1 });
    const hanging = bounded.insert("any", [{ a: 1 }]);
    setTimeout(() => controller.abort(new Error("given up")), 50);
    await expect(hanging).rejects.toThrow("given up");
    await expect(bounded.query("SELECT 1 AS one")).rejects.toThrow("given up");
    expect(await clickhouse.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("close gives up what runs", async () => {
    const clickhouse = await open(server(), "default");
    await front.fault({ kind: "Hang", when: "Before", times: 1 });
    const hanging = clickhouse.query("SELECT 1");
    setTimeout(() => clickhouse.close(), 50);
    await expect(hanging).rejects.toThrow("closed");
  });
});

describe("an answer that is cut or wrong", () => {
  test.each([
    ["Cut", "Before"],
    ["Cut", "After"],
    ["Fail", "Before"],
    ["BadGateway", "After"],
  ] as const)("%s %s: no statement counts as done", async (kind, when) => {
    const clickhouse = await open(server(), "default");
    await clickhouse.command("CREATE TABLE IF NOT EXISTS rows (a UInt8) ENGINE = Memory");
    for (const statement of [
      () => clickhouse.insert("rows", [{ a: 1 }]),
      () => clickhouse.command("INSERT INTO rows SELECT 1"),
      () => clickhouse.query("SELECT number FROM numbers(1000)"),
    ]) {
      await front.fault({ kind, when, times: 1 });
      await expect(statement()).rejects.toThrow();
    }
  });
});
