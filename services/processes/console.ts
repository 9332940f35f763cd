/**
 * What the console does beyond its own room. The code of other roles is loaded when somebody first looks: what a recommender
 * answers with must not pay for it.
 */
import type { ActivityLog } from "../activity-log/index.ts";
import { type ClickHouse, countDeadLetters, listDeadLetters, showDeadLetter } from "../clickhouse/index.ts";
import type { ConsolePorts, DeadLettersPort, ModelsPort } from "../console/index.ts";
import type { Recommender } from "../recommender/index.ts";

const consumer = () => import("../consumer/index.ts");
const trainer = () => import("../trainer/index.ts");

export interface ConsoleModelsOptions {
  readonly pinned: () => string | undefined;
  /** When another version is to be served than before. */
  readonly onMoved: () => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function consoleModels(clickhouse: ClickHouse, { pinned, onMoved, now }: ConsoleModelsOptions): ModelsPort {
  return {
    pinned,
    async registry() {
      const { readRegistry, lineage, NOT_FOR_USERS } = await trainer();
      const registry = await readRegistry(clickhouse);
      return { ...registry, lineage: lineage(registry.promotions), notForUsers: NOT_FOR_USERS };
    },
    async promote(version) {
      const moved = await (await trainer()).promote(clickhouse, version, now());
      await onMoved();
      return moved;
    },
    async rollBack() {
      const moved = await (await trainer()).rollBack(clickhouse, now());
      await onMoved();
      return moved;
    },
  };
}

/** @param log that the topics of the records are on */
export function consoleDeadLetters(clickhouse: ClickHouse, log: ActivityLog): DeadLettersPort {
  return {
    counts: () => countDeadLetters(clickhouse),
    list: (filter, page) => listDeadLetters(clickhouse, filter, page),
    show: (id) => showDeadLetter(clickhouse, id),
    replay: async (filter) => (await consumer()).replayDeadLetters(clickhouse, log, filter),
    mend: async (id, value) => (await consumer()).mendDeadLetter(clickhouse, log, id, value),
  };
}

export function consoleRecommender({ answer, inspect }: Recommender): ConsolePorts["recommender"] {
  return {
    answer: async (path) => answer({ method: "GET", url: `/v1/recommendations/${path}` }),
    ...inspect,
  };
}

export function recommenderState({ readiness, status }: Recommender) {
  const ready = readiness();
  return { waitingFor: ready.ready ? [] : ready.waitingFor, ...status() };
}
