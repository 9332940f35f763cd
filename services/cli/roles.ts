import { existsSync, writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import {
  type Role,
  type RoleContext,
  reasonOf,
  runMigration,
  runRole,
  runTraining,
  startCollectorRole,
  startConsumeRole,
  startServeRole,
} from "../processes/index.ts";
import { port, secretsOption, wholeNumber } from "./options.ts";
import { count } from "./output.ts";
import { CommandError, readResource } from "./resource.ts";
import { roleLogger } from "./role-logger.ts";

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

/** Where Kubernetes reads what a container said last. */
const TERMINATION_LOG = "/dev/termination-log";
const TERMINATION_LOG_BYTES = 4_096;
const DEFAULT_GRACE_SECONDS = 25;

const SECRETS_HELP = `
What the resource names as Secrets is read from files, <folder>/<secret>/<key>, as Kubernetes mounts them; they are read
again when they change. What is missing (a secret, Kafka, ClickHouse, the migration) is waited for, and /readyz says so.`;

export function collectorCommand(): Command {
  return roleCommand("collector", startCollectorRole)
    .description("Take activity over HTTP into Kafka")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher collector -f storefront.yaml --port 8080`);
}

export function consumeCommand(): Command {
  return roleCommand("consume", startConsumeRole)
    .description("Read the topics: map, check, enrich, store in ClickHouse, attribute, commit")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher consume -f storefront.yaml`);
}

export function serveCommand(): Command {
  return roleCommand("serve", startServeRole)
    .description("Answer recommendations over HTTP")
    .addHelpText("after", `${SECRETS_HELP}\n\nExample:\n  $ productmatcher serve -f storefront.yaml --port 8080`);
}

export function migrateCommand(): Command {
  return jobCommand("migrate")
    .description("Make the pipeline's database, tables and topics, or bring them up to date")
    .addHelpText("after", "\nExample:\n  $ productmatcher migrate -f storefront.yaml --secrets ./secrets")
    .action(async (options: JobCommandOptions) => {
      const done = await job(options, runMigration);
      if (options.json) console.log(JSON.stringify(done));
      else {
        const { database, applied, topics } = done;
        const versions = applied.length === 0 ? "was up to date" : `got versions ${applied.join(", ")}`;
        const made = topics.length === 0 ? "all topics were there" : `made ${topics.join(", ")}`;
        console.log(`Database ${database} ${versions}; ${made}.`);
      }
    });
}

export function trainCommand(): Command {
  return jobCommand("train")
    .description("Train and judge models once, and publish those that pass")
    .addHelpText("after", "\nExample:\n  $ productmatcher train -f storefront.yaml --secrets ./secrets")
    .action(async (options: JobCommandOptions) => {
      const result = await job(options, runTraining);
      terminationMessage({ reason: result.result, message: result.notices.join("; ") });
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

function jobCommand(name: string): Command {
  return new Command(name)
    .requiredOption("-f, --file <resource>", "the RecommenderPipeline")
    .addOption(secretsOption())
    .option("--json", "print as JSON");
}

async function job<Result>(
  options: JobCommandOptions,
  run: (options: Parameters<typeof runMigration>[0]) => Promise<Result>,
): Promise<Result> {
  const { pipeline } = await readResource(options.file);
  try {
    return await run({ pipeline, secretsFolder: options.secrets, logger: roleLogger(), now: Date.now });
  } catch (error) {
    throw ended(error);
  }
}

function roleCommand(name: string, start: (context: RoleContext) => Promise<Role>): Command {
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
    .action((options: RoleCommandOptions) => run(name, options, start));
}

async function run(
  name: string,
  options: RoleCommandOptions,
  start: (context: RoleContext) => Promise<Role>,
): Promise<void> {
  const { pipeline } = await readResource(options.file);
  const logger = roleLogger().child({ role: name });
  // Before anything is opened: a stop during the start must find somebody who listens.
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  try {
    const running = await runRole(
      name,
      {
        pipeline,
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

/** Tells Kubernetes, and through it the operator, why the process ends. */
function ended(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  terminationMessage({ reason: reasonOf(error), message: error.message });
  return "code" in error && error.code !== "" ? new CommandError(error.message) : error;
}

function terminationMessage(message: { readonly reason: string; readonly message: string }): void {
  if (!existsSync(TERMINATION_LOG)) return;
  writeFileSync(TERMINATION_LOG, JSON.stringify(message).slice(0, TERMINATION_LOG_BYTES));
}
