/** The roles as a cluster runs them, a process each, over TLS and SCRAM, with secrets that come late and are rotated. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { type Broker, PASSWORD, startBroker, USER } from "./broker.ts";
import { type FrontProcess, startFrontProcess } from "./front-process.ts";
import { createPipeline, type TestedPipeline } from "./pipeline.ts";
import { describeKafka } from "./suite.ts";

const PATIENCE = { timeout: 30_000, interval: 200 };
const VISITORS = 60;

describeKafka("the roles as processes", () => {
  let broker: Broker;
  let clickhouse: FrontProcess;
  let pipeline: TestedPipeline;
  let consumer: RoleProcess;
  let collector: RoleProcess;

  beforeAll(async () => {
    // Who signed in is asked to do so again before this is over; clients begin ten seconds earlier.
    broker = await startBroker({ properties: { "connections.max.reauth.ms": "12000" } });
    clickhouse = await startFrontProcess({ credentials: { username: "shop", password: "first" } });
    pipeline = createPipeline({
      name: `roles-${randomUUID().slice(0, 8)}`,
      bootstrapServers: broker.plaintext,
      clickhouse: { url: clickhouse.url, username: "shop", password: "first" },
      kafka: {
        bootstrapServers: [broker.sasl],
        tls: { caSecretKeyRef: { name: "kafka-ca" } },
        sasl: { mechanism: "SCRAM-SHA-512", credentials: { secretRef: { name: "kafka-user" }, username: USER } },
      },
      spec: { training: { minEvents: 50, algorithms: ["itemNeighbours"], evaluation: { holdoutHours: 1 } } },
    });
  }, 180_000);
  afterAll(async () => {
    await pipeline?.remove();
    await clickhouse?.remove();
    await broker?.remove();
  });

  const waiting = async (role: RoleProcess) => {
    const response = await fetch(`${await role.operations}/status`);
    return ((await response.json()) as { waiting: { reason: string; message: string } | null }).waiting;
  };
  const ready = async (role: RoleProcess) => (await fetch(`${await role.operations}/readyz`)).status;
  const track = async (body: object) => {
    const response = await fetch(`${await collector.address}/v1/track`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return response.status;
  };
  const stored = async () => {
    const [row] = await pipeline.query<{ events: number }>("SELECT toUInt32(count()) AS events FROM activity");
    return row?.events ?? 0;
  };

  it("wait for the migration and for secrets, say so, and go on when they are there", async () => {
    consumer = pipeline.consume();
    await expect.poll(async () => (await waiting(consumer))?.reason, PATIENCE).toBe("WaitingForMigration");
    expect(await ready(consumer)).toBe(503);
    await expect(pipeline.job("migrate")).rejects.toThrow(/Secret kafka-ca has no key ca\.crt/);
    await expect.poll(async () => (await waiting(consumer))?.reason, PATIENCE).toBe("SecretKeyMissing");
    expect((await waiting(consumer))?.message).toContain("Secret kafka-ca has no key ca.crt");

    pipeline.writeSecret("kafka-ca", { "ca.crt": readFileSync(broker.certificates.caFile, "utf8") });
    await expect
      .poll(async () => (await waiting(consumer))?.message, PATIENCE)
      .toContain("Secret kafka-user has no key");
    pipeline.writeSecret("kafka-user", { password: `${PASSWORD}\n` });
    await expect.poll(async () => (await waiting(consumer))?.reason, PATIENCE).toBe("TopicMissing");
    expect(await pipeline.job("migrate")).toMatch(/Database test_roles_\w+ was up to date; made test\.roles-\S+, /);
    await expect.poll(() => ready(consumer), PATIENCE).toBe(200);
  }, 120_000);

  it("bring a tracked click from the collector to a recommendation", async () => {
    collector = pipeline.role("collector");
    await collector.address;
    for (let visitor = 0; visitor < VISITORS; visitor += 1) {
      const room = visitor % 2 === 0 ? ["desk", "lamp", "bulb"] : ["pan", "pot", "spoon"];
      for (const itemId of room.slice(0, visitor % 4 < 2 ? 3 : 2)) {
        const occurredAt = new Date(Date.now() - (VISITORS - visitor) * 600_000).toISOString();
        expect(await track({ event: "view", userId: `visitor-${visitor}`, itemId, occurredAt })).toBe(200);
      }
    }
    await expect.poll(stored, PATIENCE).toBe(VISITORS * 2.5);
    expect(await pipeline.job("train")).toMatch(/^Promoted: \d+ events, 3 versions published/);

    const server = pipeline.role("serve");
    await expect.poll(() => ready(server), PATIENCE).toBe(200);
    const recommended = async (user: string) => {
      const response = await fetch(`${await server.address}/v1/recommendations/users/${user}?limit=2`);
      return ((await response.json()) as { items: { item: string }[] }).items.map(({ item }) => item);
    };
    expect(await track({ event: "view", userId: "ann", itemId: "desk" })).toBe(200);
    await expect.poll(async () => (await recommended("ann")).sort(), PATIENCE).toEqual(["bulb", "lamp"]);
    expect(await track({ event: "view", userId: "bob", itemId: "pan" })).toBe(200);
    await expect.poll(async () => (await recommended("bob")).sort(), PATIENCE).toEqual(["pot", "spoon"]);
    const page = async (path: string) => (await fetch(`${await server.address}/console${path}`)).text();
    expect(await page("/models")).toMatch(
      /Add a key with the scope Admin to serving.apiKeys[\s\S]+>itemNeighbours-\d+/,
    );
    expect(await page("/users/ann")).toMatch(/Goes with <a href="\/console\/catalogue\/desk">/);
    expect(await server.stop()).toBe(0);
  }, 120_000);

  it("go on when Kafka's password and ClickHouse's are changed, without a restart", async () => {
    const before = await stored();
    await broker.setScramPassword("second");
    pipeline.writeSecret("kafka-user", { password: "second\n" });
    await clickhouse.setCredentials({ username: "shop", password: "second" });
    pipeline.writeSecret("clickhouse", { password: "second\n" });
    for (let number = 0; number < 40; number += 1) {
      expect(await track({ event: "view", userId: "eve", itemId: `item-${number}` })).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await clickhouse.setCredentials({ username: "shop", password: "first" });
    pipeline.writeSecret("clickhouse", { password: "first\n" });
    await expect.poll(stored, PATIENCE).toBe(before + 40);
  }, 120_000);

  it("keep a record that failed, to be looked at and sent again, from ClickHouse or from the topic", async () => {
    await pipeline.send([{ key: "eve", value: Buffer.from('{"event":"view","userId":"eve"}') }], 100);
    const letters = async () => {
      const { counts, deadLetters } = JSON.parse(await pipeline.job("dead-letters", "list", "--json"));
      return { counts, ids: (deadLetters as { id: string }[]).map(({ id }) => id) };
    };
    await expect.poll(async () => (await letters()).ids.length, PATIENCE).toBe(1);
    const { counts, ids } = await letters();
    expect(counts).toEqual([{ topic: pipeline.topic, reason: "field_missing", open: 1, resolved: 0 }]);
    expect(await pipeline.job("dead-letters", "show", ids[0]!)).toContain('{"event":"view","userId":"eve"}');

    for (const from of ["clickhouse", "topic"]) {
      const answer = JSON.parse(await pipeline.job("dead-letters", "replay", "--all", "--from", from, "--json"));
      expect(answer).toEqual({ sent: 1, withoutValue: 0 });
      await pipeline.caughtUp();
    }
    // It failed again, under the identity that it had.
    expect((await letters()).ids).toEqual(ids);
  }, 120_000);

  it("end cleanly on SIGTERM", async () => {
    expect(await Promise.all([consumer.stop(), collector.stop()])).toEqual([0, 0]);
  });
});
