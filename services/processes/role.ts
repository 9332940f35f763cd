/**
 * The life of a role that runs until it is told to stop: its operations address answers from the first moment, what it
 * needs is waited for, and on a signal it ends within its grace period.
 */
import express from "express";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { namesOf, type PipelineNames } from "../config/index.ts";
import { notFound, operations, problemHandler, type Readiness, startServer } from "../http/index.ts";
import type { Problem, WrittenReport } from "../role-report/index.ts";
import { type ProcessIdentity, processRegistry, startTracing } from "../telemetry/index.ts";
import { type LiveFields, watchLiveFields } from "./live-fields.ts";
import { shortened } from "./problems.ts";
import { mountedSecrets, type Secrets } from "./secrets.ts";
import { Startup } from "./startup.ts";

/** A shop's servers ask again sooner than this on the connections that they keep. */
export const LAST_ANSWER_MILLISECONDS = 2_000;

export interface RoleOptions {
  readonly pipeline: RecommenderPipeline;
  /** A resource that holds the fields that act without a restart; `null`: they are those of `pipeline`. */
  readonly liveFile: string | null;
  /** Where Secrets are mounted: `<folder>/<secret>/<key>`. */
  readonly secretsFolder: string;
  /** The address that the role listens on. */
  readonly host: string;
  /** Of the role's own API, where it has one; 0: any free port. */
  readonly port: number;
  /** Of `/metrics`, `/status` and the probes; 0: any free port. */
  readonly operationsPort: number;
  /** How long a stop may take in all. */
  readonly graceMilliseconds: number;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What a role has while it starts. */
export interface RoleContext extends RoleOptions {
  readonly names: PipelineNames;
  readonly registry: Registry;
  readonly secrets: Secrets;
  readonly live: LiveFields;
  readonly startup: Startup;
  /** Steps of the stop, run in reverse order; each is told the moment by which all must have ended. */
  onClose(step: (deadline: number) => Promise<void> | void): void;
}

/** A role that has started. */
export interface Role {
  readonly readiness: () => Readiness;
  readonly status: () => RoleStatus | Promise<RoleStatus>;
  /** `false`: the process is stuck and should be ended from outside. */
  readonly isAlive?: () => boolean;
  /** Of its own API. */
  readonly address?: string;
  /** Rejects when it fails for good; never resolves. */
  readonly failed?: Promise<never>;
}

export interface RoleStatus {
  /** What people are told beside the report. */
  readonly details: object;
  /** What the operator is told. */
  readonly report: WrittenReport;
}

export interface RunningRole {
  readonly operationsAddress: string;
  /** Resolves once everything that it needs was there. Rejects when it can never start, or was stopped before. */
  readonly started: Promise<Role>;
  close(): Promise<void>;
}

/** What a role's figures call it, as its pods are called, where the command has another word. */
const PART_OF: Readonly<Record<string, string>> = { consume: "consumer", serve: "recommender" };

/** @throws ListenError when the operations address cannot be had */
export async function runRole(
  name: string,
  options: RoleOptions,
  start: (context: RoleContext) => Promise<Role>,
): Promise<RunningRole> {
  const { logger, now } = options;
  const names = namesOf(options.pipeline);
  const identity: ProcessIdentity = { role: PART_OF[name] ?? name, pipeline: options.pipeline.metadata };
  const registry = processRegistry(identity);
  const stopping = new AbortController();
  const startup = new Startup(logger, stopping.signal);
  const stopTracing = await startTracing({ identity, logger });
  // The last step of the stop: by then every span has ended.
  const closing: ((deadline: number) => Promise<void> | void)[] = [stopTracing];
  let role: Role | null = null;
  const { pipeline, liveFile } = options;
  const live = await watchLiveFields({ pipeline, liveFile, logger, onClose: (step) => void closing.push(step) });

  const application = express();
  application.disable("x-powered-by");
  application.use(
    operations({
      registry,
      isAlive: () => role?.isAlive?.() ?? true,
      readiness: () => role?.readiness() ?? { ready: false, waitingFor: [startup.waiting?.message ?? "its start"] },
      status: async () => {
        const { details, report } = (await role?.status()) ?? { details: {}, report: {} };
        const own = [startup.waiting, live.problem()].filter((problem) => problem !== null);
        return {
          role: name,
          pipeline: names.key,
          state: stopping.signal.aborted ? "Stopping" : role === null ? "Starting" : "Running",
          waiting: startup.waiting,
          ...details,
          ...report,
          problems: shortened([...own, ...((report.problems ?? []) as Problem[])]),
        };
      },
    }),
  );
  application.use(notFound);
  application.use(problemHandler(logger));
  const server = await startServer(application, { host: options.host, port: options.operationsPort });

  const context: RoleContext = {
    ...options,
    names,
    registry,
    secrets: mountedSecrets(options.secretsFolder),
    live,
    startup,
    onClose: (step) => void closing.push(step),
  };
  const started = start(context).then((running) => {
    role = running;
    return running;
  });
  // Whoever awaits `started` still sees the failure; without this, nobody awaiting it would end the process.
  started.catch(() => {});
  return {
    operationsAddress: server.address,
    started,
    async close() {
      stopping.abort(new Error(`${name} was stopped`));
      const deadline = now() + options.graceMilliseconds;
      await started.catch(() => {});
      for (const step of closing.splice(0).reverse()) await within(deadline - now(), step(deadline));
      await server.close();
    },
  };
}

/** Work that takes longer goes on unwatched: the process is about to end. */
async function within(milliseconds: number, work: Promise<void> | void): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.max(0, milliseconds));
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
