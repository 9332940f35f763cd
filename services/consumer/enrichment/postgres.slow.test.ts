import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Postgres, postgresPrograms, startPostgres } from "../../../test/kafka/postgres.ts";
import { openPostgres, type PostgresConnection } from "../../postgres/index.ts";
import { type AttributeSource, postgresAttributes, tableLookup } from "./index.ts";

if (postgresPrograms() === null && process.env.CI === "true")
  throw new Error("install PostgreSQL (Debian: postgresql)");

const USERS = { table: "users", key: "id", columns: { name: "username", plan: "plan" } };
/** Between the tries of a source that is away. */
const RETRY = { firstRetryMilliseconds: 50, lastRetryMilliseconds: 100 };
/** Far less than any wait for the server. */
const AT_ONCE_MILLISECONDS = 100;

describe.skipIf(postgresPrograms() === null)("a real PostgreSQL", () => {
  let postgres: Postgres;
  let folder: string;
  const opened: PostgresConnection[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "productmatcher-postgres-secrets-"));
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.remove();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await postgres.sql(`
      DROP TABLE IF EXISTS users;
      CREATE TABLE users (id integer PRIMARY KEY, username text, plan text);
      INSERT INTO users SELECT i, 'user ' || i, 'gold' FROM generate_series(1, 1000) AS i`);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((connection) => connection.close()));
  });

  async function open(options: Partial<Parameters<typeof openPostgres>[0]> = {}) {
    const connection = await openPostgres({ uri: postgres.uri, timeoutMilliseconds: 400, ...options });
    opened.push(connection);
    return connection;
  }

  /** Of `users`, nothing kept. */
  async function source(options: Partial<Parameters<typeof openPostgres>[0]> = {}): Promise<AttributeSource> {
    return postgresAttributes(await open(options), { users: { ...USERS, refreshSeconds: 0.001 } }, RETRY);
  }

  const found = async ({ users }: AttributeSource, key = "7") => (await users?.([key]))?.get(key);
  const ANSWER = { name: "user 7", plan: "gold" };

  /** Lookups fail until the source is known to be away; from then on they fail at once. */
  async function goesAway(attributes: AttributeSource, problem: RegExp) {
    await vi.waitUntil(
      async () => {
        await expect(found(attributes)).rejects.toThrow(problem);
        return attributes.status?.().state === "Away";
      },
      { timeout: 10_000 },
    );
    const started = performance.now();
    for (let batch = 0; batch < 20; batch += 1) await expect(found(attributes)).rejects.toThrow(problem);
    expect(performance.now() - started).toBeLessThan(AT_ONCE_MILLISECONDS * 5);
    expect(attributes.status?.()).toMatchObject({ state: "Away", problem: expect.stringMatching(problem) });
  }

  async function comesBack(attributes: AttributeSource) {
    await vi.waitUntil(() => found(attributes).then(Boolean, () => false), { timeout: 10_000, interval: 20 });
    expect(await found(attributes)).toEqual(ANSWER);
    expect(attributes.status?.()).toEqual({ state: "Reading" });
  }

  test("is killed under load and comes back", async () => {
    const attributes = await source();
    let over = false;
    let answered = 0;
    let failed = 0;
    const load = Array.from({ length: 4 }, async (_, worker) => {
      while (!over) {
        await found(attributes, `${worker + 1}`).then(
          () => (answered += 1),
          () => (failed += 1),
        );
        await new Promise(setImmediate);
      }
    });
    await vi.waitUntil(() => answered > 200);
    await postgres.kill();
    await vi.waitUntil(() => attributes.status?.().state === "Away");
    await postgres.start();
    const before = answered;
    await vi.waitUntil(() => answered > before + 200, { timeout: 10_000 });
    over = true;
    await Promise.all(load);
    expect(failed).toBeGreaterThan(2);
    expect(await found(attributes)).toEqual(ANSWER);
  });

  test("refuses connections: batches wait for nothing once that is known", async () => {
    const attributes = await source();
    expect(await found(attributes)).toEqual(ANSWER);
    await postgres.kill();
    await goesAway(attributes, /ECONN|terminated/);
    await postgres.start();
    await comesBack(attributes);
  });

  test("takes connections but does not answer", async () => {
    const attributes = await source();
    expect(await found(attributes)).toEqual(ANSWER);
    await postgres.freeze();
    await goesAway(attributes, /timeout/i);
    await postgres.thaw();
    await comesBack(attributes);
  });

  test("is slow, since somebody holds a lock on the table", async () => {
    const attributes = await source();
    const locked = postgres.sql("BEGIN; LOCK TABLE users; SELECT pg_sleep(3); COMMIT");
    await vi.waitUntil(
      async () => (await postgres.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock'")).length > 0,
    );
    await goesAway(attributes, /timeout/i);
    await locked;
    await comesBack(attributes);
  });

  test.each([
    [
      "its table is gone",
      "ALTER TABLE users RENAME TO customers",
      "ALTER TABLE customers RENAME TO users",
      /users.*42P01.*name a table/,
    ],
    [
      "a column was renamed",
      "ALTER TABLE users RENAME username TO nick",
      "ALTER TABLE users RENAME nick TO username",
      /username.*42703.*name columns/,
    ],
    ["it may not be read", "CREATE ROLE reader LOGIN PASSWORD 'r'", "GRANT SELECT ON users TO reader", /42501.*grant/],
  ])("%s: the problem says what to do, and it goes on once that is done", async (_what, breaks, mends, problem) => {
    const reader = breaks.includes("reader") ? { uri: postgres.uri.replace("shop:secret", "reader:r") } : {};
    await postgres.sql(breaks);
    const attributes = await source(reader);
    await goesAway(attributes, problem);
    await postgres.sql(mends);
    await comesBack(attributes);
  });

  test("gets another password, and the file of the URI follows", async () => {
    const file = join(folder, "uri");
    writeFileSync(file, `${postgres.uri}\n`);
    const attributes = await source({ uri: { file } });
    expect(await found(attributes)).toEqual(ANSWER);
    await postgres.setPassword("second");
    // Connections that are open stay so: a restart asks for the password again.
    await postgres.kill();
    await postgres.start();
    await goesAway(attributes, /password|terminated|ECONN/);
    writeFileSync(file, postgres.uri.replace("secret", "second"));
    await comesBack(attributes);
    await postgres.setPassword("secret");
  });

  test("a wrong password is told with what to do", async () => {
    const attributes = await source({ uri: postgres.uri.replace("secret", "wrong") });
    await goesAway(attributes, /password.*28P01.*URI's file/);
  });

  test("what is kept is answered while it is away", async () => {
    const attributes = postgresAttributes(await open(), { users: { ...USERS, refreshSeconds: 60 } }, RETRY);
    expect(await found(attributes)).toEqual(ANSWER);
    await postgres.kill();
    for (let batch = 0; batch < 5; batch += 1) expect(await found(attributes)).toEqual(ANSWER);
    await expect(found(attributes, "8")).rejects.toThrow();
    await postgres.start();
  });

  test.each([
    ["disable", false, false],
    ["require", false, true],
    ["require", true, true],
    ["verify-ca", true, true],
    ["verify-full", true, true],
  ])("sslmode=%s, with the authority's certificate: %s", async (mode, withCa, secure) => {
    const connection = await open({
      uri: `${postgres.uri}?sslmode=${mode}`,
      ...(withCa ? { caCertificate: { file: postgres.certificates.caFile } } : {}),
    });
    const { rows } = await connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", []);
    expect(rows).toEqual([{ ssl: secure }]);
  });

  test("a certificate of an authority that is not known is refused, and one for another name", async () => {
    const strict = await open({ uri: `${postgres.uri}?sslmode=verify-full` });
    await expect(strict.query("SELECT 1", [])).rejects.toThrow(/certificate/);
    const other = await open({
      uri: `${postgres.uri.replace("127.0.0.1", "127.0.0.2")}?sslmode=verify-full`,
      caCertificate: { file: postgres.certificates.caFile },
    });
    await expect(other.query("SELECT 1", [])).rejects.toThrow();
  });

  test("thousands of keys in one question, by the key's own type", async () => {
    const lookup = tableLookup(await open({ timeoutMilliseconds: 5_000 }), USERS);
    const keys = Array.from({ length: 10_000 }, (_, index) => `${index}`);
    expect((await lookup([...keys, "no number"])).size).toBe(1_000);
  });
});

test.each(["shop-db.internal", "mysql://shop/db", "", "postgresql://[::bad/"])(
  "what is no URI of PostgreSQL is refused without being repeated: %s",
  async (uri) => {
    const refused = openPostgres({ uri });
    await expect(refused).rejects.toThrow("write postgresql://");
    if (uri !== "") await expect(refused).rejects.not.toThrow(uri);
  },
);

test("a mode that is none is named", async () => {
  await expect(openPostgres({ uri: "postgresql://a@b/c?sslmode=yes" })).rejects.toThrow("sslmode is yes");
});
