import { Command, Option } from "commander";
import type { JobOptions, Role, RoleContext } from "../processes/index.ts";
import { runRole } from "../processes/role.ts";
import { port, secretsOption, wholeNumber } from "./options.ts";
import { count } from "./output.ts";
import { readRoleFile } from "./role-file.ts";
import { roleLogger } from "./role-logger.ts";
import { onStopSignal } from "./signals.ts";
import { ended, sayLast, wordsOf } from "./termination.ts";

interface JobCommandOptions {
  readonly file: string;
  readonly secrets: string;
  readonly json?: true;
}

interface RoleCommandOptions extends JobCommandOptions {
  readonly host: string;
  readonly port: number;
  readonly operationsPort: number;
  readonly graceSeconds: number;
}

const DEFAULT_GRACE_SECONDS = 25;

const SECRETS_HELP = `
What the resource names as Secrets is read from files, <folder>/<secret>/<key>, as Kubernetes mounts them; they are read
again when they change. What is missing (a secret, Kafka, ClickHouse, the migration) is waited for, and /readyz says so.`;

export function collectorCommand(): Command {
  return roleCommand("collector", async () => (await import("../processes/collector.ts")).startCollectorRole)
    .description("Take activity over HTTP into Kafka")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher collector -f storefront.yaml --port 8080`);
}

export function consumeCommand(): Command {
  return roleCommand("consume", async () => (await import("../processes/consume.ts")).startConsumeRole)
    .description("Read the topics: map, check, enrich, store in ClickHouse, attribute, commit")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher consume -f storefront.yaml`);
}

export function serveCommand(): Command {
  return roleCommand("serve", async () => (await import("../processes/serve.ts")).startServeRole)
    .description("Answer recommendations over HTTP")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher serve -f storefront.yaml --port 8080`);
}

export function migrateCommand(): Command {
  return jobCommand("migrate")
    .description("Make the pipeline's database, tables and topics, or bring them up to date")
    .addHelpText("after", "\nExample:\n  $ productmatcher migrate -f storefront.yaml --secrets ./secrets")
    .action(async (options: JobCommandOptions) => {
      const done = await job(options, (await jobs()).runMigration);
      sayLast({ schemaVersion: done.schemaVersion });
      if (options.json) console.log(JSON.stringify(done));
      else {
        const { database, applied, topics } = done;
        const versions = applied.length === 0 ? "was up to date" : `got versions ${applied.join(", ")}`;
        const made = topics.length === 0 ? "all topics were there" : `made ${topics.join(", ")}`;
        console.log(`Database ${database} ${versions}; ${made}.`);
      }
    });
}

export function cleanupCommand(): Command {
  return jobCommand("cleanup")
    .description("Remove the pipeline's tables, database, topics and consumer group, with all data")
    .addHelpText("after", "\nExample:\n  $ productmatcher cleanup -f storefront.yaml --secrets ./secrets")
    .action(async (options: JobCommandOptions) => {
      const done = await job(options, (await jobs()).runCleanup);
      if (options.json) return console.log(JSON.stringify(done));
      const { database, foreignTables, topics } = done;
      const stays = `its tables were removed; it stays, since these are not ProductMatcher's: ${foreignTables.join(", ")}`;
      console.log(`Database ${database}: ${foreignTables.length === 0 ? "removed" : stays}.`);
      console.log(`Topics: ${topics.length === 0 ? "none were there" : `${topics.join(", ")} removed`}.`);
    });
}

export function trainCommand(): Command {
  return jobCommand("train")
    .description("Train and judge models once, and publish those that pass")
    .addHelpText("after", "\nExample:\n  $ productmatcher train -f storefront.yaml --secrets ./secrets")
    .action(async (options: JobCommandOptions) => {
      const { runTraining } = await jobs();
      const result = await job(options, async (jobOptions) => {
        const result = await runTraining(jobOptions);
        sayLast(wordsOf(result, jobOptions.pipeline));
        return result;
      });
      if (options.json) return console.log(JSON.stringify(result));
      const published = result.versions.filter(({ status }) => status === "published");
      console.log(`${result.result}: ${count(result.events)} events, ${published.length} versions published.`);
      for (const { algorithm, status, reason } of result.versions) {
        if (status !== "published") console.log(`${algorithm} ${status}: ${reason}`);
      }
      for (const notice of result.notices) console.log(notice);
      if (result.result === "Failed") process.exitCode = 1;
    });
}

const jobs = () => import("../processes/jobs.ts");

function jobCommand(name: string): Command {
  return new Command(name)
    .requiredOption("-f, --file <resource>", "the RecommenderPipeline")
    .addOption(secretsOption())
    .option("--json", "print as JSON");
}

async function job<Result>(options: JobCommandOptions, run: (options: JobOptions) => Promise<Result>): Promise<Result> {
  const { pipeline } = await readRoleFile(options.file, false);
  try {
    return await run({ pipeline, secretsFolder: options.secrets, logger: roleLogger(), now: Date.now });
  } catch (error) {
    throw ended(error);
  }
}

type Start = (context: RoleContext) => Promise<Role>;

/** @param load loads what the role runs, and nothing of the others */
function roleCommand(name: string, load: () => Promise<Start>): Command {
  return new Command(name)
    .requiredOption("-f, --file <resource>", "the RecommenderPipeline")
    .addOption(secretsOption())
    .option("--host <address>", "address to listen on", "0.0.0.0")
    .addOption(new Option("--port <number>", "port of its own API").argParser(port).default(8080))
    .addOption(
      new Option("--operations-port <number>", "port of /metrics, /status, /healthz and /readyz")
        .argParser(port)
        .default(9090),
    )
    .addOption(
      new Option("--grace-seconds <number>", "how long a stop may take")
        .argParser(wholeNumber(1, 3_600))
        .default(DEFAULT_GRACE_SECONDS),
    )
    .action(async (options: RoleCommandOptions) => run(name, options, await load()));
}

async function run(name: string, options: RoleCommandOptions, start: Start): Promise<void> {
  const { pipeline, liveFile } = await readRoleFile(options.file, name !== "consume");
  const logger = roleLogger().child({ role: name });
  // Before anything is opened: a stop during the start must find somebody who listens.
  const stopped = new Promise<NodeJS.Signals>(onStopSignal);
  try {
    const running = await runRole(
      name,
      {
        pipeline,
        liveFile,
        secretsFolder: options.secrets,
        host: options.host,
        port: options.port,
        operationsPort: options.operationsPort,
        graceMilliseconds: options.graceSeconds * 1_000,
        logger,
        now: Date.now,
      },
      start,
    );
    logger.info({ operations: running.operationsAddress }, "starting");
    try {
      const role = await Promise.race([running.started, stopped]);
      if (typeof role === "string") return;
      logger.info({ operations: running.operationsAddress, address: role.address }, "started");
      await Promise.race([stopped, ...(role.failed === undefined ? [] : [role.failed])]);
    } finally {
      logger.info("stopping");
      await running.close();
    }
    logger.info("stopped");
    // What was left behind at the end of the grace period keeps no process alive.
    process.exit();
  } catch (error) {
    throw ended(error);
  }
}
