/** Roles as the operator starts them: from the files that it makes for each, saying what it reads of them. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RoleReport, roleReport } from "../../services/role-report/index.ts";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { type Broker, startBroker } from "./broker.ts";
import { type FrontProcess, startFrontProcess } from "./front-process.ts";
import { createPipeline, type PipelineParts, type TestedPipeline } from "./pipeline.ts";
import { describeKafka } from "./suite.ts";

const PATIENCE = { timeout: 60_000, interval: 200 };
const VISITORS = 60;
const CREDENTIALS = { username: "shop", password: "shop's" };

describeKafka("roles that the operator starts", () => {
  let broker: Broker;
  let clickhouse: FrontProcess;
  let pipeline: TestedPipeline;
  let collector: RoleProcess;
  let consumer: RoleProcess;
  let server: RoleProcess;
  const name = `operated-${randomUUID().slice(0, 8)}`;
  const database = `test_${name.replaceAll("-", "_")}`;
  const writeKeys = (key: string) => [{ name: "web", secretKeyRef: { name: "keys", key } }];
  const parts = (): PipelineParts => ({
    name,
    operated: { uid: "uid-1" },
    bootstrapServers: broker.plaintext,
    clickhouse: { url: clickhouse.url, ...CREDENTIALS },
    secrets: { keys: { old: "key-1", new: "key-2" } },
    spec: {
      collector: { writeKeys: writeKeys("old") },
      training: { minEvents: 50, algorithms: ["itemNeighbours"], evaluation: { holdoutHours: 1 } },
      serving: { seen: "Exclude" },
    },
  });

  beforeAll(async () => {
    broker = await startBroker();
    clickhouse = await startFrontProcess({ credentials: CREDENTIALS });
    pipeline = createPipeline(parts());
  }, 180_000);
  afterAll(async () => {
    await pipeline?.remove();
    await clickhouse?.remove();
    await broker?.remove();
  });

  const reportOf = async (role: RoleProcess): Promise<RoleReport> => {
    const response = await fetch(`${await role.operations}/status`, { signal: AbortSignal.timeout(1_000) });
    return roleReport.parse(await response.json());
  };
  const problemOf = async (role: RoleProcess) => {
    const [problem] = (await reportOf(role)).problems;
    return problem === undefined ? "none" : `${problem.about} ${problem.reason}`;
  };
  const track = async (key: string, body: object) => {
    const response = await fetch(`${await collector.address}/v1/track`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Basic ${btoa(`${key}:`)}` },
      body: JSON.stringify(body),
    });
    return response.status;
  };

  it("say what they wait for, until the migration has run", async () => {
    consumer = pipeline.consume();
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("Sink WaitingForMigration");
    const migrated = JSON.parse(await pipeline.job("migrate", "--json"));
    expect(migrated).toMatchObject({ database, topics: expect.arrayContaining([`test.${name}.events`]) });
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("none");
  }, 120_000);

  it("do their work, and report figures of the whole pipeline and the model that is served", async () => {
    [collector, server] = [pipeline.role("collector"), pipeline.role("serve")];
    for (let visitor = 0; visitor < VISITORS; visitor += 1) {
      const room = visitor % 2 === 0 ? ["desk", "lamp", "bulb"] : ["pan", "pot", "spoon"];
      for (const itemId of room.slice(0, visitor % 4 < 2 ? 3 : 2)) {
        const occurredAt = new Date(Date.now() - (VISITORS - visitor) * 600_000).toISOString();
        expect(await track("key-1", { event: "view", userId: `visitor-${visitor}`, itemId, occurredAt })).toBe(200);
      }
    }
    await pipeline.send([{ key: "x", value: Buffer.from("no JSON") }], 100);
    await expect
      .poll(async () => (await reportOf(consumer)).source, PATIENCE)
      .toMatchObject({
        lag: 0,
        storedEvents: VISITORS * 2.5,
        deadLetters: 1,
        freshnessMilliseconds: expect.any(Number),
      });
    expect(await pipeline.job("train")).toMatch(/^Promoted: \d+ events/);
    await expect
      .poll(async () => (await reportOf(server)).model, PATIENCE)
      .toMatchObject({ algorithm: "itemNeighbours", version: expect.any(String), trainedAt: expect.any(String) });
    await fetch(`${await server.address}/v1/recommendations/popular`);
    expect((await reportOf(server)).latencyMilliseconds).toBeGreaterThan(0);
    expect(await reportOf(collector)).toEqual({ problems: [] });
  }, 120_000);

  it("take over fields that are live, without a restart", async () => {
    const recommended = async () => {
      const response = await fetch(`${await server.address}/v1/recommendations/users/visitor-0?limit=6`);
      return ((await response.json()) as { items: { item: string }[] }).items.map(({ item }) => item);
    };
    expect(await recommended()).not.toContain("desk");
    pipeline.edit({ collector: { writeKeys: writeKeys("new") }, serving: { seen: "Include" } });
    await expect.poll(recommended, PATIENCE).toContain("desk");
    const view = { event: "view", userId: "ann", itemId: "desk" };
    await expect.poll(() => track("key-2", view), PATIENCE).toBe(200);
    expect(await track("key-1", view)).toBe(401);
  }, 120_000);

  it("say which of ClickHouse and Kafka is away, and no more when it is back", async () => {
    await clickhouse.setCredentials({ ...CREDENTIALS, password: "another" });
    await track("key-2", { event: "view", userId: "ann", itemId: "lamp" });
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("Sink AuthenticationFailed");
    await expect.poll(() => problemOf(server), PATIENCE).toBe("Sink AuthenticationFailed");
    await clickhouse.setCredentials(CREDENTIALS);
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("none");
    await expect.poll(() => problemOf(server), PATIENCE).toBe("none");
    await broker.stop();
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("Source Unreachable");
    await broker.start();
    await expect.poll(() => problemOf(consumer), PATIENCE).toBe("none");
  }, 240_000);

  it("keep their database from another resource, which may take it over when it says so", async () => {
    const other = createPipeline({ ...parts(), operated: { uid: "uid-2" } });
    try {
      await expect(other.job("migrate")).rejects.toThrow(
        new RegExp(`database ${database} was made by the pipeline test/${name} \\(uid uid-1\\)`),
      );
      await expect(other.job("cleanup")).rejects.toThrow(/was made by the pipeline/);
      other.edit({ sink: { clickhouse: { ...sinkOf(), adopt: true } } });
      await other.job("migrate");
      await expect(pipeline.job("migrate")).rejects.toThrow(/uid uid-2/);
    } finally {
      await other.remove();
    }
    pipeline.edit({ sink: { clickhouse: { ...sinkOf(), adopt: true } } });
    await pipeline.job("migrate");
  }, 120_000);

  it("are cleaned up: tables, database, topics and group are gone, and a second time is as good", async () => {
    await Promise.all([collector.stop(), consumer.stop(), server.stop()]);
    await pipeline.query("CREATE TABLE books (line UInt32) ENGINE = MergeTree ORDER BY line");
    expect(JSON.parse(await pipeline.job("cleanup", "--json"))).toMatchObject({ database, foreignTables: ["books"] });
    const left = async () => {
      const tables = await pipeline.query<{ name: string }>(
        `SELECT name FROM system.tables WHERE database = '${database}'`,
      );
      return tables.map((table) => table.name);
    };
    expect(await left()).toEqual(["books"]);
    await pipeline.query("DROP TABLE books");
    await pipeline.job("cleanup");
    const { topics, groups } = await pipeline.admin(async (admin) => ({
      topics: await admin.listTopics(),
      groups: (await admin.listGroups()).groups.map(({ groupId }) => groupId),
    }));
    expect(topics.filter((topic) => topic.startsWith(`test.${name}`))).toEqual([]);
    expect(groups).not.toContain(`test.${name}`);
    expect(await pipeline.job("cleanup")).toMatch(/removed\.\nTopics: none were there/);
  }, 120_000);

  function sinkOf() {
    return { url: clickhouse.url, credentials: { secretRef: { name: "clickhouse" } } };
  }
});
