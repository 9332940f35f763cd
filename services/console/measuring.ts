/** The console's memory of the last minutes, kept by reading the pipeline's figures again and again. */
import type { Logger } from "pino";
import { type ClickHouse, failureOf, readStoredCounts } from "../clickhouse/index.ts";
import type { StoreState } from "./parts.ts";
import type { ConsolePorts } from "./ports.ts";
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

/** How ClickHouse is, asked at most every five seconds, however many people look. Never rejects. */
export function storeLook(clickhouse: ClickHouse, now: () => number): () => Promise<StoreState> {
  let last: Promise<StoreState> | null = null;
  let lookedAt = 0;
  return () => {
    if (last !== null && now() - lookedAt < KEPT_MILLISECONDS) return last;
    lookedAt = now();
    last = readStoredCounts(clickhouse).then(
      ({ storedEvents, deadLetters, diskFree, diskSize }) => ({
        ...{ events: storedEvents, openDeadLetters: deadLetters, diskFree, diskSize },
      }),
      (error: unknown) => ({ error: failureOf(error).problem }),
    );
    return last;
  };
}
