/**
 * A real Prometheus scrapes the roles as processes, on a real broker and a ClickHouse that can be made to fail, while a
 * shop is open: every panel and rule has data, nothing is alarmed about at rest, and each alert fires by the fault that it
 * is for and ends with it. The windows of rules are shorter here; `rules.test.yaml` has them as they are. What the operator
 * is needed for: `operator.apiserver.test.ts`.
 */
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PipelineStatus, RecommenderPipeline } from "../../crds/index.ts";
import { objectives } from "../../crds/objectives.ts";
import type { Duration } from "../../dashboards/rules/index.ts";
import { wordsOf } from "../../services/cli/termination.ts";
import type { TrainingResult } from "../../services/trainer/index.ts";
import { missingForClock, testClock } from "../fixtures/clock.ts";
import type { RoleProcess } from "../fixtures/role-process.ts";
import { type Broker, startBroker } from "../kafka/broker.ts";
import { type FrontProcess, startFrontProcess } from "../kafka/front-process.ts";
import { missingForKafka } from "../kafka/install.ts";
import { createPipeline, type TestedPipeline } from "../kafka/pipeline.ts";
import { alertsIn, firedIn } from "./alerts.ts";
import { describeUnlessMissing, missingForPrometheus, missingToMount } from "./install.ts";
import { type OperatorFigures, showFigures } from "./operator-figures.ts";
import { isOfOperator, promPanels, recordedNames, withoutData } from "./panels.ts";
import { startPrometheus, type TestPrometheus } from "./prometheus.ts";
import { aimlessEventOf, eventOf, openShop, type Shop, track } from "./shop.ts";

/**
 * Five minutes are five seconds, and what is longer is shortened more: three days are two and a half minutes. Which window
 * is the longer one stays as it is, and the shortest has room for five scrapes.
 */
const shortened: Duration = (seconds) => `${Math.round(5_000 * Math.sqrt(seconds / 300))}ms`;
const RATE = "30s";
const DISK_MEGABYTES = 600;
/** Other suites have the machine, too. */
const PATIENCE = { timeout: 90_000, interval: 250 };
const TEST_MILLISECONDS = 300_000;
/** What a shared machine of two cores keeps at rest. */
const ALLOWED = objectives.parse({ freshnessSeconds: 10, latencyMilliseconds: 250, lag: 500, modelAgeHours: 12 });
const EVALUATION = { metric: "NDCG", k: 20 } as const;
const HOUR = 3_600_000;
const HISTORY = 3_000;

const describeRoles = describeUnlessMissing(
  missingForPrometheus(),
  missingToMount(),
  await missingForKafka(),
  missingForClock(),
);

describeRoles("Prometheus and the roles of a shop that is open", () => {
  let disk: string;
  let broker: Broker;
  let clickhouse: FrontProcess;
  let pipeline: TestedPipeline;
  let figures: OperatorFigures;
  let prometheus: TestPrometheus;
  let shop: Shop;
  /** What aimless visitors taught. */
  let worse: readonly Alias[];
  let collector: string;
  let recommender: string;

  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), "productmatcher-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m`, "tmpfs", disk]);
    [broker, clickhouse] = await Promise.all([startBroker(), startFrontProcess({ folder: disk })]);
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
    prometheus = await startPrometheus({ duration: shortened });
    prometheus.scrape([figures.address, ...(await Promise.all(roles.map((role) => role.operations)))]);
    await send(history((at) => aimlessEventOf(at, Date.now() - 14 * HOUR - (HISTORY - at) * 5_000)));
    await pipeline.caughtUp();
    await trainedHoursAgo(13);
    worse = await served();
    await send(history((at) => eventOf(500_000 + at, Date.now() - (HISTORY - at) * 3_600)));
    await pipeline.caughtUp();
    shop = openShop({ collector, recommender });
  }, 300_000);

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

  const send = (events: readonly { readonly userId: string }[]) =>
    pipeline.send(
      events.map((event) => ({ key: event.userId, value: Buffer.from(JSON.stringify(event)) })),
      events.length,
    );
  /** Names with their severity: of a promise there are two; and with the algorithm, of which others may be worse at the time. */
  const firing = async () =>
    (await prometheus.alerts())
      .filter(({ state }) => state === "firing")
      .map(({ name, labels }) =>
        [name, labels.severity, labels.algorithm].filter((part) => part !== undefined).join(" "),
      );
  const named = async (alerts: readonly string[]) => (await firing()).filter((alert) => alerts.includes(alert));
  /** Each of them, not all at once: a burst of errors is over before the slower of its alerts fires. */
  const fire = async (...alerts: string[]) => {
    const seen = new Set<string>();
    const look = async () => {
      for (const alert of await named(alerts)) seen.add(alert);
      return [...seen].toSorted();
    };
    await expect.poll(look, PATIENCE).toEqual(alerts.toSorted());
  };
  const end = (...alerts: string[]) => expect.poll(() => named(alerts), PATIENCE).toEqual([]);
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
  /** What is served now, to go back to. */
  const served = () => pipeline.query<Alias>("SELECT alias, version FROM model_aliases FINAL");
  const serve = (aliases: readonly Alias[]) =>
    pipeline.query(
      `INSERT INTO model_aliases (alias, version, updated_at)
      SELECT tupleElement(named, 1), tupleElement(named, 2), now64(3)
      FROM (SELECT arrayJoin([${aliases.map(({ alias, version }) => `('${alias}', '${version}')`).join(", ")}]) AS named)`,
    );

  test(
    "tells of a model that is too old, of records that are not accepted, and of a disk that is nearly full",
    async () => {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, "ballast"), new Uint8Array(bavail * bsize - 40 * 1024 * 1024));
      await send(Array.from({ length: 60 }, (_, at) => ({ userId: `${at}`, event: "view" })));
      await fire(
        "ProductMatcherModelTooOld warning",
        "ProductMatcherDiskNearlyFull warning",
        ...["critical", "warning"].map((severity) => `ProductMatcherDataLoss ${severity}`),
      );
      rmSync(join(disk, "ballast"));
      await train();
      const marks = promPanels(RATE).filter(({ name }) => name.includes("Overview: annotation"));
      const marked = marks.map(({ name, expr }) => ({ name, expr: `count_over_time((${expr})[1h:1s])` }));
      expect(marks).toHaveLength(2);
      await expect.poll(() => withoutData(prometheus, marked), PATIENCE).toEqual([]);
      const [promotion] = marks.filter(({ name }) => name.includes("promoted"));
      const [{ version }] = (await served()).filter(({ alias }) => alias === "champion") as [Alias];
      const promoted = async () => (await prometheus.query(promotion!.expr)).map(({ metric }) => metric.version);
      await expect.poll(promoted, PATIENCE).toContain(version);
      await end("ProductMatcherModelTooOld warning", "ProductMatcherDiskNearlyFull warning");
      await end("ProductMatcherDataLoss critical");
    },
    TEST_MILLISECONDS,
  );

  test(
    "tells of recommendations that follow too late, and of answers that are slow",
    async () => {
      const bothOf = (name: string) => ["critical", "warning"].map((severity) => `${name} ${severity}`);
      const late = bothOf("ProductMatcherFreshnessBurn");
      const slow = bothOf("ProductMatcherLatencyBurn");
      await end(...late, ...slow);
      await clickhouse.fault({ kind: "Slow", milliseconds: 15_000, on: "Insert", matching: "events" });
      await fire(...late);
      await clickhouse.fault({ kind: "Slow", milliseconds: 600, on: "Select", matching: "BY actor_id" });
      let asking = true;
      const crowd = Array.from({ length: 10 }, async (_, queue) => {
        for (let stranger = 0; asking; stranger += 1) {
          const answer = await fetch(`${recommender}/v1/recommendations/users/stranger-${queue}-${stranger}`);
          await answer.text();
        }
      });
      await fire(...slow).finally(() => {
        asking = false;
      });
      await Promise.all(crowd);
      await clickhouse.fault(null);
      await end("ProductMatcherFreshnessBurn critical", "ProductMatcherLatencyBurn critical");
    },
    TEST_MILLISECONDS,
  );

  test(
    "tells of a broken version, of a ClickHouse that refuses, of the consumer that it holds up, and of what waits",
    async () => {
      const refused = "ProductMatcherModelRefused warning";
      const alerts = [
        "ProductMatcherClickHouseRefusing critical",
        "ProductMatcherConsumerStuck critical",
        "ProductMatcherConsumerLagging warning",
      ];
      const good = await served();
      await end(refused, ...alerts);
      await serve([{ alias: "itemNeighbours", version: "itemNeighbours-lost" }]);
      await clickhouse.fault({
        kind: "Fail",
        when: "Before",
        code: 241,
        type: "MEMORY_LIMIT_EXCEEDED",
        on: "Insert",
      });
      await send(Array.from({ length: 2_000 }, (_, at) => eventOf(2_000_000 + at)));
      await fire(refused, ...alerts);
      await clickhouse.fault(null);
      await serve(good);
      await end(refused, ...alerts);
    },
    TEST_MILLISECONDS,
  );

  test(
    "tells of somebody who goes back to a worse version, until the better one is served again",
    async () => {
      const good = await served();
      const drop = "ProductMatcherModelQualityDrop warning itemNeighbours";
      await end(drop);
      await serve(worse);
      await fire(drop);
      await serve(good);
      await end(drop, "ProductMatcherModelTooOld warning");
    },
    TEST_MILLISECONDS,
  );

  test(
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

  test(
    "tells of requests that fail while there is no broker",
    async () => {
      await broker.kill();
      await fire("ProductMatcherAvailabilityBurn critical", "ProductMatcherAvailabilityBurn warning");
      await broker.start();
      await end("ProductMatcherAvailabilityBurn critical");
      expect((await track(collector, eventOf(9_000_000))).status).toBe(200);
    },
    TEST_MILLISECONDS,
  );

  test(
    "has seen each alert of the roles, and then rests while the shop is open",
    async () => {
      expect(await firedIn(prometheus)).toEqual(alertsIn("roles"));
      // Two rooms make a popular list worse than an aimless crowd does: that stays true for as long as the rule looks back.
      const truly = ["popular", "trending"].map((algorithm) => `ProductMatcherModelQualityDrop warning ${algorithm}`);
      const rest = async () => (await firing()).filter((alert) => !truly.includes(alert));
      await expect.poll(rest, PATIENCE).toEqual([]);
    },
    TEST_MILLISECONDS,
  );
});

function history(event: (at: number) => { readonly userId: string }) {
  return Array.from({ length: HISTORY }, (_, at) => event(at));
}

interface Alias {
  readonly alias: string;
  readonly version: string;
}
