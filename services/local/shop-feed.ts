import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { z } from "zod";
import type { OutgoingRecord } from "../activity-log/index.ts";
import { createShop, FORMATS, type ShopEvent, type SimulatedShop } from "../simulation/index.ts";
import type { DataFolder } from "./data-folder.ts";
import type { EmbeddedPipeline } from "./pipeline.ts";

export interface ShopFeedOptions {
  readonly pipeline: EmbeddedPipeline;
  readonly folder: DataFolder;
  /** Of what goes on while somebody watches. */
  readonly eventsPerSecond: number;
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
const HISTORY_DAYS = 14;
const DAY = 86_400_000;
const EVENTS_PER_APPEND = 1_000;
const TICK_MILLISECONDS = 100;
const STATE = "simulation";

const stateSchema = z.object({ start: z.int(), historyWritten: z.boolean() });

/** A simulated shop in front of the pipeline: its Postgres tables, two weeks of history, and people who come now. */
export async function openShopFeed(options: ShopFeedOptions): Promise<ShopFeed> {
  const { pipeline, folder, logger, now } = options;
  const stored = folder.readState(STATE);
  const state = stored === null ? firstState(now()) : stateSchema.parse(stored);
  folder.writeState(STATE, state);
  const shop = createShop({ seed: SEED, items: ITEMS, shoppers: SHOPPERS, start: state.start });
  await fillPostgres(pipeline, shop, now());

  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  return {
    shop,
    async writeHistory(onProgress) {
      if (state.historyWritten) return 0;
      const to = state.start + HISTORY_DAYS * DAY;
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

function firstState(now: number) {
  return { start: now - HISTORY_DAYS * DAY, historyWritten: false };
}

async function runLive(
  pipeline: EmbeddedPipeline,
  live: Generator<ShopEvent, void>,
  now: () => number,
  stopping: AbortSignal,
): Promise<void> {
  let next = live.next();
  while (!stopping.aborted) {
    const due: ShopEvent[] = [];
    while (!next.done && next.value.occurredAt <= now()) {
      due.push(next.value);
      next = live.next();
    }
    await append(pipeline, due);
    await sleep(TICK_MILLISECONDS, undefined, { signal: stopping }).catch(() => {});
  }
}

/** The seed topics where they can say it, ProductMatcher's own JSON for the rest: carts, refunds, visitors unknown. */
async function append({ log, names }: EmbeddedPipeline, events: readonly ShopEvent[]): Promise<void> {
  const byTopic = new Map<string, OutgoingRecord[]>();
  for (const event of events) {
    const seed = FORMATS.seed.accepts(event);
    const topic = seed ? (event.event === "view" ? "clicks" : "checkouts") : names.eventsTopic;
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

/** The tables `users` and `products` that the quickstart's resource reads, as a shop's back office would have them. */
async function fillPostgres({ postgres }: EmbeddedPipeline, shop: SimulatedShop, now: number): Promise<void> {
  if (postgres === null) return;
  const users = shop.users();
  await postgres.query(
    `INSERT INTO users (id, username)
     SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (id) DO NOTHING`,
    [users.map((user) => user.userId), users.map((user) => user.username)],
  );
  const items = shop.catalogue(now);
  const column = (read: (item: (typeof items)[number]) => string) => items.map(read);
  await postgres.query(
    `INSERT INTO products (id, name, description, categories, tags, brand, price, currency, stock, created_at)
     SELECT * FROM unnest(
       $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
       $10::text[]
     ) ON CONFLICT (id) DO UPDATE SET stock = excluded.stock`,
    [
      column((item) => item.itemId),
      column((item) => item.name),
      column((item) => item.description),
      column((item) => item.categories.join(",")),
      column((item) => item.tags.join(",")),
      column((item) => item.brand),
      column((item) => String(item.price)),
      column((item) => item.currency),
      column((item) => String(item.stock)),
      column((item) => new Date(item.createdAt).toISOString()),
    ],
  );
}
