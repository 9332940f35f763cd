/** The console's memory of the last minutes, kept by reading the pipeline's figures again and again. */
import type { Logger } from "pino";
import { type ClickHouse, failureOf, readStoredCounts } from "../clickhouse/index.ts";
import { kept, within } from "./kept.ts";
import type { StoreState } from "./parts.ts";
import type { ConsolePorts, ModelsPort, Moved } from "./ports.ts";
import { type Reading, type Sample, withReading } from "./samples.ts";

export interface Measuring {
  /** The oldest first. */
  samples(): readonly Sample[];
  start(): void;
  close(): void;
}

const EVERY_MILLISECONDS = 2_000;
/** Fifteen minutes. */
const SAMPLES = 450;

export function measuringOf(
  { recommender, state }: Pick<ConsolePorts, "recommender" | "state">,
  { now, logger }: { readonly now: () => number; readonly logger: Logger },
): Measuring {
  let samples: readonly Sample[] = [];
  let before: Reading | null = null;
  let reading = false;
  const look = async () => {
    if (reading) return;
    reading = true;
    try {
      const [counted, { recommender: serving, consumer }] = await Promise.all([recommender.counted(), state()]);
      // What it reads at its start is no activity of this moment.
      if (serving.waitingFor.length > 0) return;
      const { lag, freshnessMilliseconds } = serving.signals;
      const taken: Reading = {
        ...{ at: now(), ...counted, freshnessMilliseconds },
        latencyMilliseconds: serving.latencyMilliseconds,
        lag: consumer?.lag ?? lag,
      };
      samples = withReading(samples, before, taken, SAMPLES);
      before = taken;
    } catch (error) {
      logger.warn({ err: error }, "figures for the console could not be read; trying again");
    } finally {
      reading = false;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    samples: () => samples,
    start() {
      timer ??= setInterval(() => void look(), EVERY_MILLISECONDS).unref();
    },
    close: () => clearInterval(timer),
  };
}

const KEPT_MILLISECONDS = 5_000;
/** Within which a page is shown, whatever does not answer. */
export const WAIT_MILLISECONDS = 3_000;

/**
 * How ClickHouse is, asked at most every five seconds, however many people look. One that hangs is asked once, and said to hang.
 * Never rejects.
 */
export function storeLook(clickhouse: ClickHouse, now: () => number): () => Promise<StoreState> {
  const look = kept(
    () =>
      readStoredCounts(clickhouse).then(
        ({ storedEvents, deadLetters, diskFree, diskSize }): StoreState => ({
          ...{ events: storedEvents, openDeadLetters: deadLetters, diskFree, diskSize },
        }),
        (error: unknown): StoreState => ({ error: failureOf(error).problem }),
      ),
    KEPT_MILLISECONDS,
    now,
  );
  return () => within(look.get(), WAIT_MILLISECONDS, { error: `no answer within ${WAIT_MILLISECONDS / 1_000} s yet.` });
}

/** The registry is read at most every three seconds, and again at once after somebody has moved what serves. */
export function sharedModels(models: ModelsPort, now: () => number): ModelsPort {
  const registry = kept(() => models.registry(), 3_000, now);
  const moving = async (move: Promise<Moved>) => {
    try {
      return await move;
    } finally {
      registry.forget();
    }
  };
  return {
    ...models,
    registry: registry.get,
    promote: (version) => moving(models.promote(version)),
    rollBack: (from) => moving(models.rollBack(from)),
  };
}
