/**
 * What the console does beyond its own room. The code of other roles is loaded when somebody first looks: what a recommender
 * answers with must not pay for it.
 */
import type { Logger } from "pino";
import type { ActivityLog } from "../activity-log/index.ts";
import {
  type ClickHouse,
  countDeadLetters,
  listDeadLetters,
  listVersions,
  showDeadLetter,
} from "../clickhouse/index.ts";
import {
  type Console,
  type ConsolePorts,
  type DeadLettersPort,
  type ModelsPort,
  type Moved,
  type PipelineState,
  startConsole,
} from "../console/index.ts";
import type { Recommender } from "../recommender/index.ts";

const consumer = () => import("../consumer/index.ts");
const trainer = () => import("../trainer/index.ts");

/** Of a statement that a page waits for; somebody looks at it. */
export const PAGE_SECONDS = 8;

/** What the pages of a pipeline list. */
const NEWEST = { versions: 200, promotions: 1_000 };

export interface ConsoleConnections {
  /** For what pages read: it gives up after PAGE_SECONDS. */
  readonly pages: ClickHouse;
  /** For what people do: a model is verified before it is promoted, which takes its time. */
  readonly actions: ClickHouse;
}

export interface PipelineConsoleOptions extends Pick<ConsolePorts, "pipeline" | "access" | "act"> {
  readonly connections: ConsoleConnections;
  /** That the topics of the records are on. */
  readonly log: ActivityLog;
  readonly recommender: Recommender;
  readonly others: () => Promise<Omit<PipelineState, "recommender">>;
  readonly pinned: () => string | undefined;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The console beside a recommender, which shows what that knows and as much of the other parts as it is told. */
export function pipelineConsole(options: PipelineConsoleOptions): Console {
  const { pipeline, access, act, connections, log, recommender, others, pinned, logger, now } = options;
  return startConsole({
    clickhouse: connections.pages,
    logger,
    now,
    ports: {
      ...{ pipeline, access, act },
      recommender: consoleRecommender(recommender),
      state: async () => ({ recommender: recommenderState(recommender), ...(await others()) }),
      models: consoleModels(connections, { pinned, onMoved: () => recommender.refresh(), now }),
      deadLetters: consoleDeadLetters(connections, log),
    },
  });
}

export interface ConsoleModelsOptions {
  readonly pinned: () => string | undefined;
  /** When another version is to be served than before. */
  readonly onMoved: () => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function consoleModels(
  { pages, actions }: ConsoleConnections,
  { pinned, onMoved, now }: ConsoleModelsOptions,
): ModelsPort {
  /** The registry has moved, whatever becomes of serving it. */
  const served = async (moved: Omit<Moved, "pending">): Promise<Moved> => ({
    ...moved,
    pending: await onMoved().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
  });
  return {
    pinned,
    async registry() {
      const { readRegistry, lineage, NOT_FOR_USERS } = await trainer();
      const registry = await readRegistry(pages, NEWEST);
      return {
        ...registry,
        hasOlder: registry.versions.length >= NEWEST.versions,
        lineage: lineage(registry.promotions),
        notForUsers: NOT_FOR_USERS,
      };
    },
    version: async (name) => (await listVersions(pages, { newest: 0, names: [name] }))[0],
    promote: async (version) => served(await (await trainer()).promote(actions, version, now())),
    rollBack: async (from) => served(await (await trainer()).rollBack(actions, now(), from)),
  };
}

/** @param log that the topics of the records are on */
function consoleDeadLetters({ pages, actions }: ConsoleConnections, log: ActivityLog): DeadLettersPort {
  return {
    counts: () => countDeadLetters(pages),
    list: (filter, page) => listDeadLetters(pages, filter, page),
    show: (id) => showDeadLetter(pages, id),
    replay: async (filter) => (await consumer()).replayDeadLetters(actions, log, filter),
    mend: async (id, value) => (await consumer()).mendDeadLetter(actions, log, id, value),
  };
}

function consoleRecommender({ answer, inspect }: Recommender): ConsolePorts["recommender"] {
  return {
    answer: async (path) => answer({ method: "GET", url: `/v1/recommendations/${path}` }),
    ...inspect,
  };
}

function recommenderState({ readiness, status }: Recommender) {
  const ready = readiness();
  return { waitingFor: ready.ready ? [] : ready.waitingFor, ...status() };
}
