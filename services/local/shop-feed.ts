import type { Logger } from "pino";
import { z } from "zod";
import type { OutgoingRecord } from "../activity-log/index.ts";
import { arrivals, createShop, FORMATS, fillTables, type ShopEvent, type SimulatedShop } from "../simulation/index.ts";
import type { DataFolder } from "./data-folder.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";

export interface ShopFeedOptions {
  readonly pipeline: EmbeddedPipeline;
  readonly folder: DataFolder;
  /** Of what goes on while somebody watches. */
  readonly eventsPerSecond: number;
  /** Of activity before the first start, in a new folder. */
  readonly historyDays: number;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface ShopFeed {
  readonly shop: SimulatedShop;
  /** Appends the days before the opening of the doors, where that was not done before. @returns how many events */
  writeHistory(onProgress: (done: number, total: number) => void): Promise<number>;
  /** Lets shoppers come until `close`. */
  open(): void;
  close(): Promise<void>;
}

const SEED = 1;
const ITEMS = 600;
const SHOPPERS = 1_000;
const DAY = 86_400_000;
const EVENTS_PER_APPEND = 1_000;
const STATE = "simulation";

const stateSchema = z.object({ start: z.int(), opening: z.int(), historyWritten: z.boolean() });

/** A simulated shop in front of the pipeline: its Postgres tables, some days of history, and people who come now. */
export async function openShopFeed(options: ShopFeedOptions): Promise<ShopFeed> {
  const { pipeline, folder, logger, now } = options;
  const state = folder.readState(STATE, stateSchema) ?? firstState(now(), options.historyDays);
  folder.writeState(STATE, state);
  const shop = createShop({ seed: SEED, items: ITEMS, shoppers: SHOPPERS, start: state.start });
  const tables = pipeline.pipeline.spec.enrichment?.postgres;
  if (pipeline.postgres !== null && tables !== undefined) await fillTables(pipeline.postgres, tables, shop, now());

  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  return {
    shop,
    async writeHistory(onProgress) {
      if (state.historyWritten) return 0;
      const to = state.opening;
      let total = 0;
      for (const _event of shop.events({ to })) total += 1;
      let done = 0;
      for (const events of chunks(shop.events({ to }), EVENTS_PER_APPEND)) {
        await append(pipeline, events);
        done += events.length;
        onProgress(done, total);
      }
      folder.writeState(STATE, { ...state, historyWritten: true });
      return total;
    },
    open() {
      const live = shop.live({ now: now(), eventsPerSecond: options.eventsPerSecond });
      loop = runLive(pipeline, live, now, stopping.signal).catch((error: unknown) =>
        logger.error({ err: error }, "the simulated shop stopped"),
      );
    },
    async close() {
      stopping.abort();
      await loop;
    },
  };
}

function firstState(now: number, historyDays: number) {
  return { start: now - historyDays * DAY, opening: now, historyWritten: false };
}

async function runLive(
  pipeline: EmbeddedPipeline,
  live: Generator<ShopEvent, void>,
  now: () => number,
  stopping: AbortSignal,
): Promise<void> {
  for await (const due of arrivals(live, now, stopping)) await append(pipeline, due);
}

/**
 * The seed topics where the pipeline reads them and they can say it, ProductMatcher's own JSON for the rest: carts,
 * refunds, visitors unknown.
 */
async function append({ log, names, topics }: EmbeddedPipeline, events: readonly ShopEvent[]): Promise<void> {
  const read = new Set(topics().map((topic) => topic.name));
  const byTopic = new Map<string, OutgoingRecord[]>();
  for (const event of events) {
    const seedTopic = event.event === "view" ? "clicks" : "checkouts";
    const seed = read.has(seedTopic) && FORMATS.seed.accepts(event);
    const topic = seed ? seedTopic : names.eventsTopic;
    const [line = ""] = seed ? FORMATS.seed.lines([event]) : [ownJson(event)];
    const records = byTopic.get(topic) ?? [];
    records.push({ key: event.userId || event.anonymousId, value: Buffer.from(line), timestamp: event.occurredAt });
    byTopic.set(topic, records);
  }
  for (const [topic, records] of byTopic) await log.append(topic, records);
}

function ownJson({ eventId, event, userId, anonymousId, session, item, quantity, occurredAt }: ShopEvent): string {
  return JSON.stringify({
    eventId,
    event,
    userId,
    anonymousId,
    sessionId: String(session),
    itemId: item.itemId,
    price: item.price,
    quantity,
    currency: item.currency,
    occurredAt,
  });
}

function* chunks<T>(values: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
