/**
 * A real Prometheus scrapes the roles as processes, on a real broker and a ClickHouse that can be made to fail, while a
 * shop is open: every panel and rule has data, nothing is alarmed about at rest, and each alert fires by the fault that it
 * is for and ends with it. The windows of rules are sixty times shorter here; `rules.test.yaml` has them as they are.
 */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PipelineStatus, RecommenderPipeline } from "../../crds/index.ts";
import { objectives } from "../../crds/objectives.ts";
import { wordsOf } from "../../services/cli/termination.ts";
import type { TrainingResult } from "../../services/trainer/index.ts";
import { testClock } from "../fixtures/clock.ts";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { type Broker, startBroker } from "../kafka/broker.ts";
import { type FrontProcess, startFrontProcess } from "../kafka/front-process.ts";
import { createPipeline, type TestedPipeline } from "../kafka/pipeline.ts";
import { describeKafka } from "../kafka/suite.ts";
import { describePrometheus } from "./install.ts";
import { type OperatorFigures, showFigures } from "./operator-figures.ts";
import { isOfOperator, promPanels, recordedNames, withoutData } from "./panels.ts";
import { startPrometheus, type TestPrometheus } from "./prometheus.ts";
import { eventOf, openShop, type Shop, track } from "./shop.ts";

/** Of rules' windows. */
const FACTOR = 60;
const RATE = "30s";
const DISK_MEGABYTES = 600;
const PATIENCE = { timeout: 60_000, interval: 500 };
const TEST_MILLISECONDS = 180_000;
/** What a shared machine of two cores keeps at rest. */
const ALLOWED = objectives.parse({ latencyMilliseconds: 100, lag: 500, modelAgeHours: 12 });
const EVALUATION = { metric: "NDCG", k: 20 } as const;

describeKafka("Prometheus and the roles", () => {
  describePrometheus("with a shop that is open", () => {
    let disk: string;
    let broker: Broker;
    let clickhouse: FrontProcess;
    let pipeline: TestedPipeline;
    let figures: OperatorFigures;
    let prometheus: TestPrometheus;
    let shop: Shop;
    let collector: string;
    let recommender: string;

    beforeAll(async () => {
      disk = mkdtempSync(join(tmpdir(), "productmatcher-disk-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m`, "tmpfs", disk]);
      broker = await startBroker();
      clickhouse = await startFrontProcess({ folder: disk });
      const name = `figures-${randomUUID().slice(0, 8)}`;
      pipeline = createPipeline({
        name,
        bootstrapServers: broker.plaintext,
        clickhouse: { url: clickhouse.url, username: "default", password: "" },
        spec: {
          training: {
            minEvents: 50,
            algorithms: ["itemNeighbours", "sessionNeighbours"],
            evaluation: { holdoutHours: 1 },
          },
        },
      });
      await pipeline.job("migrate");
      const roles = [pipeline.consume(), pipeline.role("collector"), pipeline.role("serve")];
      const [, collecting, serving] = roles as [RoleProcess, RoleProcess, RoleProcess];
      collector = await collecting.address;
      recommender = await serving.address;
      figures = await showFigures(`test/${name}`);
      figures.show({}, ALLOWED);
      prometheus = await startPrometheus({ factor: FACTOR });
      prometheus.scrape([figures.address, ...(await Promise.all(roles.map((role) => role.operations)))]);
      const history = Array.from({ length: 3_000 }, (_, index) =>
        eventOf(index, Date.now() - 14 * 3_600_000 - (3_000 - index) * 5_000),
      );
      await pipeline.send(
        history.map((event) => ({ key: event.userId, value: Buffer.from(JSON.stringify(event)) })),
        3_000,
      );
      await pipeline.caughtUp();
      shop = openShop({ collector, recommender });
    }, 240_000);

    afterAll(async () => {
      await shop?.close();
      await prometheus?.stop();
      await figures?.close();
      await pipeline?.remove();
      await clickhouse?.remove();
      await broker?.remove();
      execFileSync("umount", ["-l", disk]);
      rmSync(disk, { recursive: true });
    }, 60_000);

    /** Names of what would call somebody, and of what waits for the morning but for budgets of days. */
    const firing = async () =>
      (await prometheus.alerts())
        .filter(
          ({ state, name, labels }) => state === "firing" && !(name.endsWith("Burn") && labels.severity === "warning"),
        )
        .filter(({ name, labels }) => name !== "ProductMatcherDataLoss" || labels.severity === "critical")
        .map(({ name }) => name);
    const fires = (...alerts: string[]) => expect.poll(firing, PATIENCE).toEqual(expect.arrayContaining(alerts));
    const rests = () => expect.poll(firing, { timeout: 120_000, interval: 500 }).toEqual([]);
    const train = async () => {
      const result = JSON.parse(await pipeline.job("train", "--json")) as TrainingResult;
      const resource = { spec: { training: { evaluation: EVALUATION } } } as RecommenderPipeline;
      const { candidates = [], memoryBytes, result: outcome } = wordsOf(result, resource);
      const at = new Date().toISOString();
      const training = { startedAt: at, finishedAt: at, lastSuccessAt: at, result: outcome, memoryBytes, candidates };
      figures.show({ training } as PipelineStatus, ALLOWED);
    };

    /** As a run did that ended then. */
    const trainedHoursAgo = async (hours: number) => {
      const clock = testClock();
      clock.set(`-${hours}h`);
      Object.assign(process.env, clock.environment);
      await train().finally(() => {
        for (const name of Object.keys(clock.environment)) delete process.env[name];
      });
    };

    it(
      "says that a model is too old until there is a newer one, and then rests under load",
      async () => {
        await trainedHoursAgo(13);
        shop = openShop({ collector, recommender });
        await fires("ProductMatcherModelTooOld");
        await train();
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of records that are not accepted",
      async () => {
        const bad = Array.from({ length: 60 }, (_, index) => ({
          key: `${index}`,
          value: Buffer.from('{"event":"view"}'),
        }));
        await pipeline.send(bad, 60);
        await fires("ProductMatcherDataLoss");
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of a ClickHouse that refuses, of the consumer that it holds up, and of what waits",
      async () => {
        await clickhouse.fault({
          kind: "Fail",
          when: "Before",
          code: 241,
          type: "MEMORY_LIMIT_EXCEEDED",
          on: "Insert",
        });
        const more = Array.from({ length: 2_000 }, (_, index) => eventOf(2_000_000 + index));
        await pipeline.send(
          more.map((event) => ({ key: event.userId, value: Buffer.from(JSON.stringify(event)) })),
          2_000,
        );
        await fires("ProductMatcherClickHouseRefusing", "ProductMatcherConsumerStuck", "ProductMatcherConsumerLagging");
        await clickhouse.fault(null);
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of recommendations that follow too late",
      async () => {
        await clickhouse.fault({ kind: "Slow", milliseconds: 7_000, on: "Insert", matching: "events" });
        await fires("ProductMatcherFreshnessBurn");
        await clickhouse.fault(null);
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of answers that are slow",
      async () => {
        await clickhouse.fault({ kind: "Slow", milliseconds: 300, on: "Select", matching: "BY actor_id" });
        let asking = true;
        const strangers = (async () => {
          for (let stranger = 0; asking && stranger < 4_000; stranger += 1) {
            await fetch(`${recommender}/v1/recommendations/users/stranger-${stranger}`).then((answer) => answer.text());
          }
        })();
        const crowd = Promise.all([
          strangers,
          ...Array.from({ length: 20 }, (_, queue) => askFor(`queue-${queue}`, () => asking)),
        ]);
        await fires("ProductMatcherLatencyBurn");
        asking = false;
        await crowd;
        await clickhouse.fault(null);
        await rests();
      },
      TEST_MILLISECONDS,
    );

    const askFor = async (name: string, goesOn: () => boolean) => {
      for (let stranger = 0; goesOn() && stranger < 4_000; stranger += 1) {
        const answer = await fetch(`${recommender}/v1/recommendations/users/${name}-${stranger}`);
        await answer.text();
      }
    };

    it(
      "tells of a disk that is nearly full",
      async () => {
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, "ballast"), new Uint8Array(bavail * bsize - 40 * 1024 * 1024));
        await fires("ProductMatcherDiskNearlyFull");
        rmSync(join(disk, "ballast"));
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of a version that is broken, and of one that is worse; both end with a roll-back",
      async () => {
        const [good] = await pipeline.query<{ version: string }>(ALIAS);
        await pipeline.query(BROKEN);
        await fires("ProductMatcherModelRefused");
        await pipeline.query(pointTo(good!.version));
        await rests();
        const noise = Array.from({ length: 4_000 }, (_, index) => ({
          eventId: `noise-${index}`,
          event: "view",
          userId: `visitor-${index % 60}`,
          itemId: `thing-${(index * 7_919) % 400}`,
        }));
        await pipeline.send(
          noise.map((event) => ({ key: event.userId, value: Buffer.from(JSON.stringify(event)) })),
          4_000,
        );
        await pipeline.caughtUp();
        await train();
        await fires("ProductMatcherModelQualityDrop");
        await pipeline.query(pointTo(good!.version));
        await rests();
      },
      TEST_MILLISECONDS,
    );

    it(
      "has data in every panel and every rule",
      async () => {
        const panels = promPanels(RATE).filter((panel) => !isOfOperator(panel) && !panel.name.includes("annotation"));
        expect(panels.length).toBeGreaterThan(60);
        await expect.poll(() => withoutData(prometheus, panels), PATIENCE).toEqual([]);
        const rules = recordedNames().map((name) => ({ name, expr: name }));
        expect(await withoutData(prometheus, rules)).toEqual([]);
      },
      TEST_MILLISECONDS,
    );

    it(
      "marks a promotion and a release when they come",
      async () => {
        const marks = promPanels(RATE).filter(({ name }) => name.includes("Overview: annotation"));
        expect(marks).toHaveLength(2);
        await train();
        const another = pipeline.role("serve", "--grace-seconds", "1");
        await another.address;
        await expect.poll(() => withoutData(prometheus, marks.slice(0, 1)), PATIENCE).toEqual([]);
        await another.kill();
      },
      TEST_MILLISECONDS,
    );

    it(
      "tells of requests that fail while there is no broker",
      async () => {
        await broker.kill();
        await fires("ProductMatcherAvailabilityBurn");
        await broker.start();
        await rests();
        expect((await track(collector, eventOf(9_000_000))).status).toBe(200);
      },
      TEST_MILLISECONDS,
    );
  });
});

const ALIAS = "SELECT version FROM model_aliases FINAL WHERE alias = 'itemNeighbours'";

const pointTo = (version: string) =>
  `INSERT INTO model_aliases (alias, version, updated_at) SELECT 'itemNeighbours', '${version}', now64(3)`;

const BROKEN = `INSERT INTO model_aliases (alias, version, updated_at) SELECT 'itemNeighbours', 'itemNeighbours-lost', now64(3)`;
