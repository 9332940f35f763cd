/** A pipeline under test: its resource and secrets in a folder, its roles as processes, its tables as they end. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import type { Admin } from "kafkajs";
import { stringify } from "yaml";
import type { KubeObject } from "../../operator/runtime/index.ts";
import type { OutgoingRecord } from "../../services/activity-log/index.ts";
import { openKafkaLog } from "../../services/kafka/index.ts";
import { PROGRAM, type RoleProcess, startRole } from "../fixtures/role-process.ts";
import { WINDOW_SECONDS } from "../fixtures/shop-activity.ts";
import { writeOperatedFiles } from "./operated-files.ts";

const run = promisify(execFile);

export const PARTITIONS = 4;
const SENT_AT_ONCE = 250;
const LOOK_MILLISECONDS = 200;

export interface PipelineParts {
  /** What its roles run: see `startRole`. */
  readonly program?: string;
  readonly name: string;
  readonly bootstrapServers: string;
  readonly clickhouse: { readonly url: string; readonly username: string; readonly password: string };
  /** Further parts of `source.kafka`: how the roles reach the brokers, where they do not come as the test does. */
  readonly kafka?: Readonly<Record<string, unknown>>;
  /** Topics that are read beside the pipeline's own. */
  readonly topics?: readonly object[];
  /** Further parts of the spec. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Each role is given the file that the operator makes for it, and not the whole resource. */
  readonly operated?: { readonly uid: string };
  /** Of a role that is started, beside the test's own. */
  readonly environment?: (role: string) => Readonly<Record<string, string>>;
  /** Further secrets: value by key by name. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface TestedPipeline {
  /** `<prefix>.events` */
  readonly topic: string;
  /** Of its consumers. */
  readonly group: string;
  /** As Kubernetes brings a Secret, or a new value of it, into a pod. */
  writeSecret(name: string, values: Readonly<Record<string, string>>): void;
  /** As when somebody edits the resource: its spec is that of the start with these parts. Needs `operated`. */
  edit(spec: Readonly<Record<string, unknown>>): void;
  /** Runs a command that ends by itself. @returns what it printed @throws when it does not end well */
  job(...words: string[]): Promise<string>;
  /** A consumer more. */
  consume(more?: { readonly environment?: Readonly<Record<string, string>> }): RoleProcess;
  /** Starts any other role. */
  role(role: string, ...more: string[]): RoleProcess;
  /** Sends in order, at most so many records a second, until all are acknowledged. */
  send(records: readonly OutgoingRecord[], perSecond: number, onSent?: (done: number) => void): Promise<void>;
  /** Resolves once the group has committed everything that is in the topic. */
  caughtUp(): Promise<void>;
  lag(): Promise<number>;
  admin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result>;
  query<Row>(sql: string): Promise<Row[]>;
  /** Ends what still runs, and removes the folder. */
  remove(): Promise<void>;
}

/** Its files alone: nothing is migrated, and nobody consumes yet. */
export function createPipeline(parts: PipelineParts): TestedPipeline {
  const { name, bootstrapServers, clickhouse, program = PROGRAM } = parts;
  const folder = mkdtempSync(join(tmpdir(), `productmatcher-${name}-`));
  const secrets = join(folder, "secrets");
  const { username, password } = clickhouse;
  const writeSecret = (secret: string, values: Readonly<Record<string, string>>) => {
    mkdirSync(join(secrets, secret), { recursive: true });
    for (const [key, value] of Object.entries(values)) writeFileSync(join(secrets, secret, key), value);
  };
  const given = { clickhouse: { username, password }, ...parts.secrets };
  for (const [secret, values] of Object.entries(given)) writeSecret(secret, values);
  const file = join(folder, "pipeline.yaml");
  writeFileSync(file, stringify(resource(parts)));
  const edit = (spec: Readonly<Record<string, unknown>>) => {
    if (parts.operated === undefined) throw new Error("a person's file is read once");
    const edited = resource({ ...parts, spec: { ...parts.spec, ...spec } });
    return writeOperatedFiles(folder, edited);
  };
  const fileOf = parts.operated === undefined ? () => file : edit({});

  const topic = `test.${name}.events`;
  const group = `test.${name}`;
  const running = new Set<RoleProcess>();
  const started = (role: string, more: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    const logFile = join(folder, `${role}.log`);
    const variables = { ...parts.environment?.(role), ...environment };
    const process = startRole(role, { program, file: fileOf(role), secrets, more, environment: variables, logFile });
    running.add(process);
    void process.ended.then(() => running.delete(process));
    return process;
  };
  const client = createClient({
    url: clickhouse.url,
    username,
    password,
    database: `test_${name.replaceAll("-", "_")}`,
    // Faults are the point of these suites.
    log: { level: ClickHouseLogLevel.OFF },
  });
  const query = async <Row>(sql: string) =>
    (await (await client.query({ query: sql, format: "JSONEachRow" })).json()) as Row[];
  const admin = async <Result>(work: (admin: Admin) => Promise<Result>) => {
    const { Kafka, logLevel } = (await import("kafkajs")).default;
    const connected = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING }).admin();
    await connected.connect();
    return work(connected).finally(() => connected.disconnect());
  };
  const lag = () =>
    admin(async (asked) => {
      const ends = await asked.fetchTopicOffsets(topic);
      const [offsets] = await asked.fetchOffsets({ groupId: group, topics: [topic] });
      return ends.reduce((sum, { partition, high, low }) => {
        const offset = Number(offsets?.partitions.find((known) => known.partition === partition)?.offset ?? -1);
        return sum + Number(high) - Math.max(offset, Number(low));
      }, 0);
    });
  const job = async (...words: string[]) => {
    const ownFile = fileOf(words[0] ?? "");
    const { stdout } = await run(process.execPath, [program, ...words, "-f", ownFile, "--secrets", secrets]);
    return stdout;
  };
  return {
    topic,
    group,
    writeSecret,
    edit: (spec) => void edit(spec),
    job,
    consume: (more) => started("consume", [], more?.environment),
    role: (role, ...more) => started(role, more),
    async send(records, perSecond, onSent = () => {}) {
      const log = openKafkaLog({ bootstrapServers: [bootstrapServers], deliveryTimeoutMilliseconds: 180_000 });
      try {
        const began = performance.now();
        for (let at = 0; at < records.length; at += SENT_AT_ONCE) {
          await log.append(topic, records.slice(at, at + SENT_AT_ONCE));
          onSent(at + SENT_AT_ONCE);
          const early = began + ((at + SENT_AT_ONCE) / perSecond) * 1_000 - performance.now();
          if (early > 0) await sleep(early);
        }
      } finally {
        await log.close();
      }
    },
    lag,
    async caughtUp() {
      while ((await lag().catch(() => Number.POSITIVE_INFINITY)) > 0) await sleep(LOOK_MILLISECONDS);
    },
    admin,
    query,
    async remove() {
      await Promise.all([...running].map((process) => process.kill()));
      await client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function resource(parts: PipelineParts): KubeObject {
  const { name, bootstrapServers, clickhouse, kafka = {}, topics = [], spec = {}, operated } = parts;
  return {
    apiVersion: "productmatcher.dev/v1alpha1",
    kind: "RecommenderPipeline",
    metadata: { name, namespace: "test", ...operated },
    spec: {
      source: {
        kafka: {
          bootstrapServers: [bootstrapServers],
          topicDefaults: { partitions: PARTITIONS, replicationFactor: 1, retentionHours: 87_600 },
          ...kafka,
        },
        ...(topics.length === 0 ? {} : { topics }),
      },
      collector: {},
      attribution: { touches: ["view", "click"], conversions: ["purchase"], windowSeconds: WINDOW_SECONDS },
      sink: { clickhouse: { url: clickhouse.url, credentials: { secretRef: { name: "clickhouse" } } } },
      ...spec,
    },
  };
}
