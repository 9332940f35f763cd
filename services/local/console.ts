/** The console of a pipeline in one process: it sees all parts. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { openClickHouse } from "../clickhouse/index.ts";
import type { AdminKey, Console } from "../console/index.ts";
import { PAGE_SECONDS, pipelineConsole } from "../processes/console.ts";
import type { Recommender } from "../recommender/index.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";
import type { Training } from "./training.ts";

export interface LocalConsoleOptions {
  readonly pipeline: EmbeddedPipeline;
  readonly recommender: Recommender;
  readonly training: Training;
  readonly adminKey: AdminKey;
  /** Whether its shop is a simulated one, for which activity may be made up. */
  readonly isSimulated: boolean;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface LocalConsole extends Omit<Console, "close"> {
  close(): Promise<void>;
}

/** Good until the process ends: whoever reads its output may act. */
export function newAdminKey(): AdminKey {
  return { name: "local", key: randomBytes(18).toString("base64url") };
}

export async function openConsole(options: LocalConsoleOptions): Promise<LocalConsole> {
  const { pipeline, recommender, training, adminKey, isSimulated, logger, now } = options;
  const { names } = pipeline;
  const { target } = pipeline.clickhouse;
  const connections = {
    pages: await openClickHouse(target, names.database, { timeoutSeconds: PAGE_SECONDS }),
    actions: await openClickHouse(target, names.database),
  };
  const keys = [adminKey];
  const started = pipelineConsole({
    ...{ connections, recommender, logger, now },
    log: pipeline.log,
    pipeline: names.key,
    access: {
      keys: () => keys,
      // As /status and /admin are: by default only this machine reaches the address.
      isOpen: () => true,
      howToEnable: "",
    },
    others: async () => ({
      consumer: await pipeline.consumer().status(),
      training: training.status(),
      collects: true,
    }),
    pinned: () => pipeline.pipeline.spec.serving.model?.pinnedVersion,
    act: isSimulated ? ({ event, user, item }) => append(pipeline, { event, user, item, at: now() }) : null,
  });
  return {
    router: started.router,
    measure: started.measure,
    async close() {
      started.close();
      await Promise.all([connections.pages.close(), connections.actions.close()]);
    },
  };
}

interface Pretended {
  readonly event: string;
  readonly user: string;
  readonly item: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

async function append({ append, names }: EmbeddedPipeline, { event, user, item, at }: Pretended): Promise<void> {
  const record = { eventId: randomUUID(), event, userId: user, itemId: item, quantity: 1, occurredAt: at };
  await append(names.eventsTopic, [{ key: user, value: Buffer.from(JSON.stringify(record)), timestamp: at }]);
}
