/**
 * Whatever fails while it is sent: in the end the ids in ClickHouse and in the dead letters are the ids that were sent,
 * each once, and each checkout is earned by the touch that earned it. Roles are processes, Kafka is a broker, ClickHouse
 * is the engine behind HTTP.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Random } from "../../services/simulation/random.ts";
import { missingForClock, testClock } from "../fixtures/clock.ts";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { activityOf, type Sent } from "../fixtures/shop-activity.ts";
import { expectExact } from "../fixtures/verdict.ts";
import { type Broker, startBroker } from "./broker.ts";
import type { Fault } from "./clickhouse-front.ts";
import { type FrontProcess, startFrontProcess } from "./front-process.ts";
import { createPipeline, PARTITIONS, type PipelineParts, type TestedPipeline } from "./pipeline.ts";
import { postgresPrograms, startPostgres } from "./postgres.ts";
import { broker, describeKafka } from "./suite.ts";

const missingPostgres = postgresPrograms() === null ? "a suite needs PostgreSQL (Debian: postgresql)" : null;
for (const missing of [missingForClock(), missingPostgres]) {
  if (missing === null) continue;
  if (process.env.CI === "true") throw new Error(`${missing}: install it`);
  console.error(`not run: ${missing}`);
}

const CASE_MILLISECONDS = 240_000;
const CREDENTIALS = { username: "shop", password: "shop's password" };
const KILLS = 20;

describeKafka("nothing is lost, and nothing counted twice", () => {
  let clickhouse: FrontProcess;
  /** One of these suites' own, to be stopped and killed. */
  let fragile: Broker;
  let pipeline: TestedPipeline;
  let seed = 0;

  beforeAll(async () => {
    clickhouse = await startFrontProcess({ credentials: CREDENTIALS });
    fragile = await startBroker();
  }, 180_000);
  afterEach(async () => {
    await clickhouse.fault(null);
    await pipeline?.remove();
  });
  afterAll(async () => {
    await clickhouse?.remove();
    await fragile?.remove();
  });

  const create = async (name: string, parts: Partial<PipelineParts> = {}) => {
    const unique = `${name}-${randomUUID().slice(0, 8)}`;
    pipeline = createPipeline({
      name: unique,
      bootstrapServers: broker().plaintext,
      clickhouse: { url: clickhouse.url, ...CREDENTIALS },
      ...parts,
    });
    await pipeline.job("migrate");
    return pipeline;
  };

  /** Sends while `disturb` does its worst, lets everything be stored, and tells what became of it. */
  const endure = async (events: number, perSecond: number, disturb: () => Promise<unknown>): Promise<Sent> => {
    seed += 1;
    const sent = activityOf(seed, events);
    await Promise.all([pipeline.send(sent.records, perSecond), disturb()]);
    await pipeline.caughtUp();
    return sent;
  };

  it(
    `consumers are killed with -9, ${KILLS} times`,
    async () => {
      await create("kills");
      const random = new Random(9);
      const consumers = [pipeline.consume(), pipeline.consume()];
      const sent = await endure(20_000, 500, async () => {
        for (let kill = 0; kill < KILLS; kill += 1) {
          await sleep(500 + random.uniform() * 2_500);
          const victim = Math.floor(random.uniform() * consumers.length);
          await consumers[victim]!.kill();
          consumers[victim] = pipeline.consume();
        }
      });
      await expectExact("kill -9", sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it.each<{ name: string; break: (broker: Broker) => Promise<void> }>([
    {
      name: "the broker restarts",
      break: async (broker) => {
        await broker.stop();
        await broker.start();
      },
    },
    {
      name: "the broker is away for 30 s",
      break: async (broker) => {
        await broker.kill();
        await sleep(30_000);
        await broker.start();
      },
    },
  ])(
    "$name",
    async ({ name, break: disturb }) => {
      await create("broker", { bootstrapServers: fragile.plaintext });
      pipeline.consume();
      pipeline.consume();
      const sent = await endure(12_000, 1_500, async () => {
        await untilStored(2_000);
        await disturb(fragile);
      });
      await expectExact(name, sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it.each<{ name: string; faults: readonly Fault[]; seconds: number }>([
    { name: "ClickHouse refuses connections", faults: [{ kind: "Refuse" }], seconds: 8 },
    {
      name: "ClickHouse hangs",
      faults: [
        { kind: "Hang", when: "Before" },
        { kind: "Hang", when: "After" },
      ],
      seconds: 5,
    },
    { name: "ClickHouse's answers are cut", faults: [{ kind: "Cut", when: "After", every: 2 }], seconds: 8 },
    {
      name: "ClickHouse answers 500 after having inserted",
      faults: [{ kind: "Fail", when: "After", on: "Insert", every: 2 }],
      seconds: 8,
    },
    { name: "ClickHouse is slow", faults: [{ kind: "Slow", milliseconds: 1_500 }], seconds: 10 },
  ])(
    "$name",
    async ({ name, faults, seconds }) => {
      await create("clickhouse");
      pipeline.consume();
      const sent = await endure(12_000, 1_500, async () => {
        await untilStored(1_000);
        for (const fault of faults) {
          await clickhouse.fault(fault);
          await sleep(seconds * 1_000);
          if (fault.kind !== "Refuse") expect((await clickhouse.counts()).faults).toBeGreaterThan(0);
        }
        // A hanging statement ends with its connection.
        await clickhouse.fault({ kind: "Refuse" });
        await clickhouse.fault(null);
      });
      await expectExact(name, sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it(
    "ClickHouse is killed with -9 and started again",
    async () => {
      await create("clickhouse");
      pipeline.consume();
      const sent = await endure(12_000, 1_500, async () => {
        for (let kill = 0; kill < 3; kill += 1) {
          await untilStored(1_000 * (kill + 1));
          await clickhouse.kill();
          await clickhouse.start();
        }
      });
      await expectExact("ClickHouse is killed", sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it.skipIf(postgresPrograms() === null).each(["Complete", "Wait"] as const)(
    "PostgreSQL is killed with -9 and comes back, onFailure: %s",
    async (onFailure) => {
      const postgres = await startPostgres();
      try {
        await postgres.sql(
          `CREATE TABLE users (id text PRIMARY KEY, name text);
           INSERT INTO users SELECT 'user-' || n, 'Name ' || n FROM generate_series(0, 199) AS n`,
        );
        const users = { table: "users", key: "id", columns: { name: "name" }, refreshSeconds: 1 };
        await create("postgres", {
          spec: { enrichment: { onFailure, postgres: { uriSecretKeyRef: { name: "shop-db" }, users } } },
          secrets: { "shop-db": { uri: postgres.uri } },
        });
        pipeline.consume();
        const sent = await endure(12_000, 1_000, async () => {
          await untilStored(2_000);
          await postgres.kill();
          await sleep(6_000);
          await postgres.start();
        });
        await expectExact(`PostgreSQL away, ${onFailure}`, sent, pipeline.query);
        const nameless = async () => {
          const [row] = await pipeline.query<{ events: number }>(
            `SELECT toUInt32(count()) AS events FROM activity
             WHERE NOT enriched OR user_attributes['name'] != replace(user_id, 'user-', 'Name ')`,
          );
          return row?.events;
        };
        await expect.poll(nameless, { timeout: 60_000, interval: 500 }).toBe(0);
      } finally {
        await postgres.remove();
      }
    },
    CASE_MILLISECONDS,
  );

  it(
    "three consumers join and leave",
    async () => {
      await create("members");
      const joining = (): RoleProcess => pipeline.consume();
      const consumers = [joining()];
      const sent = await endure(16_000, 800, async () => {
        await untilStored(500);
        consumers.push(joining());
        await sleep(3_000);
        consumers.push(joining());
        await sleep(3_000);
        expect(await consumers.shift()!.stop()).toBe(0);
        await sleep(2_000);
        consumers.push(joining());
        await sleep(3_000);
        expect(await consumers.shift()!.stop()).toBe(0);
      });
      await expectExact("joining and leaving", sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it(
    "partitions are added",
    async () => {
      await create("partitions");
      pipeline.consume();
      const sent = await endure(12_000, 1_000, async () => {
        await untilStored(2_000);
        await pipeline.admin((admin) =>
          admin.createPartitions({ topicPartitions: [{ topic: pipeline.topic, count: PARTITIONS * 2 }] }),
        );
      });
      await expectExact("partitions added", sent, pipeline.query);
    },
    CASE_MILLISECONDS,
  );

  it.skipIf(missingForClock() !== null)(
    "the clock jumps",
    async () => {
      await create("clock");
      const clock = testClock();
      const consumer = pipeline.consume({ environment: clock.environment });
      const sent = await endure(12_000, 1_000, async () => {
        await untilStored(500);
        for (const offset of ["-3h", "+2h", "-20h", "+0", "+5h"]) {
          clock.set(offset);
          await sleep(1_500);
        }
      });
      await expectExact("clock jumps", sent, pipeline.query);
      expect(await consumer.stop()).toBe(0);
      const times = consumer.lines.map(({ time }) => Number(time));
      expect(Math.max(...times) - Math.min(...times), "what the process took for time").toBeGreaterThan(4 * 3_600_000);
    },
    CASE_MILLISECONDS,
  );

  async function untilStored(count: number): Promise<void> {
    for (;;) {
      const [row] = await pipeline
        .query<{ stored: number }>("SELECT toUInt32(count()) AS stored FROM events")
        .catch(() => []);
      if ((row?.stored ?? 0) >= count) return;
      await sleep(100);
    }
  }
});
