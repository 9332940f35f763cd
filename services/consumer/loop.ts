/** The one loop that owns the consumer's state: it reads, has batches stored one after the other, and commits them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LogRecord } from "../activity-log/index.ts";
import { processing } from "../activity-log/tracing.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import { inSpan, SpanKind } from "../telemetry/index.ts";
import { completeEnrichment } from "./enrichment/index.ts";
import { GivenUpError, orGivenUp } from "./given-up.ts";
import { type Batch, prepare } from "./prepare.ts";
import { prepareMappers } from "./prepare-mappers.ts";
import type { Activity, Pulse } from "./pulse.ts";
import {
  FIRST_RETRY_MILLISECONDS,
  goesOn,
  LAST_RETRY_MILLISECONDS,
  type Loop,
  messageOf,
  STEP_MILLISECONDS,
  waits,
} from "./state.ts";
import { storeUntilDone } from "./store-batch.ts";

const POLL_WAIT_MILLISECONDS = 250;
const FILL_IN_EVERY_MILLISECONDS = 10_000;
/** Other consumers may have stored events without attributes, and be gone. */
const LOOK_FOR_UNENRICHED_EVERY_MILLISECONDS = 300_000;

/** The log's own patience with brokers that are away. */
const LOG_STEP_MILLISECONDS = 15 * 60_000;

/** Of offsets, by OpenTelemetry's conventions for messaging. */
const COMMIT = {
  kind: SpanKind.CLIENT,
  attributes: { "messaging.operation.name": "commit", "messaging.operation.type": "settle" },
};

/** @throws GivenUpError when the time to end came before the work was done; what can never succeed */
export async function runLoop(loop: Loop): Promise<void> {
  const { options, subscription, stopping, givingUp, pulse, progress } = loop;
  let storing: Promise<void> = Promise.resolve();
  let filledInAt = Number.NEGATIVE_INFINITY;
  while (!stopping.aborted) {
    const every = progress.unenriched ? FILL_IN_EVERY_MILLISECONDS : LOOK_FOR_UNENRICHED_EVERY_MILLISECONDS;
    const fillsIn = options.now() - filledInAt >= every;
    const waitMilliseconds = fillsIn ? 0 : POLL_WAIT_MILLISECONDS;
    pulse.tick("Reading", STEP_MILLISECONDS);
    const records = await orGivenUp(subscription.poll({ ...options.batch, waitMilliseconds }), givingUp);
    const begunAt = performance.now();
    if (!(await readied(loop, records))) break;
    const batch = prepare(records, options.mappers, options.now());
    if (records.length > 0) progress.batches.add(batch);
    pulse.rest("Reading");
    await storing;
    if (stopping.aborted) return;
    // A page at a time between batches: neither holds the other up for long.
    if (fillsIn && !(await fillIn(loop))) filledInAt = options.now();
    if (records.length === 0) continue;
    progress.storing = batch.receivedAt;
    const { log, group } = options;
    storing = processing(records, { system: log.system, group, begunAt, alone: true }, async () => {
      if (await storeUntilDone(loop, batch, records))
        await inSpan("commit", COMMIT, () => commitUntilDone(loop, batch));
    }).finally(() => {
      progress.batches.delete(batch);
      progress.storing = null;
      pulse.rest("Storing");
    });
    // A failure is thrown by the next await of it; until then it must not count as unhandled.
    storing.catch(() => {});
  }
  await storing;
}

/** @returns false when it was told to stop before the records could be mapped */
function readied({ options, stopping, pulse, progress }: Loop, records: readonly LogRecord[]): Promise<boolean> {
  return prepareMappers(records, options.mappers, stopping, (error, retryMilliseconds) => {
    waits(progress, "schema_registry", messageOf(error));
    options.metrics.retry("schema_registry");
    options.logger.warn({ err: error, retryMilliseconds }, "a batch could not be prepared");
    pulse.tick("Reading", retryMilliseconds + STEP_MILLISECONDS);
  });
}

/** Not committed when it was told to stop before that: then it is read again, which changes nothing. */
async function commitUntilDone({ options, subscription, stopping, givingUp, pulse, progress }: Loop, batch: Batch) {
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    pulse.tick("Storing", LOG_STEP_MILLISECONDS);
    try {
      await orGivenUp(subscription.commit(batch.positions), givingUp);
      goesOn(progress);
      const at = options.now();
      progress.lastStored = { at, freshnessMilliseconds: Math.max(0, at - batch.receivedAt) };
      return;
    } catch (error) {
      if (error instanceof GivenUpError || isOver(error)) throw error;
      waits(progress, "log", messageOf(error));
      options.metrics.retry("log");
      options.logger.warn({ err: error, retryMilliseconds: retry }, "a batch that is stored could not be committed");
    }
    pulse.tick("Storing", retry + STEP_MILLISECONDS);
    await sleep(retry, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return;
  }
}

/** The same commit again could never succeed. */
function isOver(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["closed", "invalid_position"].includes(String(error.code));
}

/** One page. @returns whether there may be more to fill in right away */
async function fillIn(loop: Loop): Promise<boolean> {
  const { options, givingUp, pulse, progress } = loop;
  const { attributes, attribution, logger, metrics, now } = options;
  try {
    const filling = completeEnrichment(loop.clickhouse.Reading, attributes, attribution, now());
    const filledIn = await orGivenUp(filling, givingUp);
    metrics.completed(filledIn);
    progress.unenriched = filledIn > 0;
    return progress.unenriched;
  } catch (error) {
    if (error instanceof GivenUpError) throw error;
    logger.warn({ err: error }, "attributes could not be filled in; trying again later");
    return false;
  } finally {
    pulse.rest("Reading");
  }
}

/** The same connection; each statement is a step of the activity. */
export function ticking(clickhouse: ClickHouse, pulse: Pulse, activity: Activity): ClickHouse {
  const tick = () => pulse.tick(activity, clickhouse.timeoutSeconds * 1000 + STEP_MILLISECONDS);
  return {
    ...clickhouse,
    query(sql, parameters) {
      tick();
      return clickhouse.query(sql, parameters);
    },
    command(sql, parameters) {
      tick();
      return clickhouse.command(sql, parameters);
    },
    insert(table, rows, columns, madeFrom) {
      tick();
      return clickhouse.insert(table, rows, columns, madeFrom);
    },
  };
}
