/** A simulated shop in front of a running collector: its catalogue, some days of history, and people who come now. */
import { setTimeout as sleep } from "node:timers/promises";
import { arrivals, FORMATS, itemLine, type ShopEvent, type SimulatedShop } from "../simulation/index.ts";
import { CommandError } from "./resource.ts";

export interface VisitorsOptions {
  readonly shop: SimulatedShop;
  /** Address of the collector. */
  readonly url: string;
  readonly historyDays: number;
  readonly eventsPerSecond: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What a person may want to know. */
  readonly say: (line: string) => void;
}

const DAY = 86_400_000;
/** Of calls and of items; a body has at most 1 MiB. */
const ENTRIES_PER_REQUEST = 500;
const FIRST_WAIT_MILLISECONDS = 1_000;
const LONGEST_WAIT_MILLISECONDS = 30_000;

/**
 * Sends until `stopping`, waiting for a collector that is away or asks for time. The ids of the history follow from the shop
 * alone: whoever begins again sends it again, and it counts once.
 *
 * @throws CommandError when the collector refuses
 */
export async function sendVisitors(options: VisitorsOptions, stopping: AbortSignal): Promise<void> {
  const { shop, historyDays, eventsPerSecond, now, say } = options;
  const post = poster(options, stopping);
  const opening = now();
  for (const items of chunks(shop.catalogue(opening).map(itemLine), ENTRIES_PER_REQUEST)) {
    await post("/v1/items", `{"items":[${items.join(",")}]}`);
  }
  const history = shop.events({ from: opening - historyDays * DAY, to: opening });
  say(`${await sendCalls(post, history)} calls of the last ${historyDays} days sent; shoppers come now`);
  for await (const due of arrivals(shop.live({ now: opening, eventsPerSecond }), now, stopping)) {
    await sendCalls(post, due);
  }
}

type Post = (path: string, body: string) => Promise<void>;

/** @returns how many calls */
async function sendCalls(post: Post, events: Iterable<ShopEvent>): Promise<number> {
  let sent = 0;
  for (const calls of chunks(FORMATS.segment.lines(events), ENTRIES_PER_REQUEST)) {
    await post("/v1/batch", `{"batch":[${calls.join(",")}]}`);
    sent += calls.length;
  }
  return sent;
}

function poster({ url, say }: VisitorsOptions, stopping: AbortSignal): Post {
  const address = url.replace(/\/$/, "");
  return async (path, body) => {
    for (let wait = FIRST_WAIT_MILLISECONDS; !stopping.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MILLISECONDS)) {
      const fault = await attempt(address + path, body, stopping);
      if (fault === null) return;
      if (!stopping.aborted) say(`${fault}; again in ${wait / 1_000} s`);
      await sleep(wait, undefined, { signal: stopping }).catch(() => {});
    }
  };
}

/** Why it must be sent again; `null`: it arrived. */
async function attempt(address: string, body: string, signal: AbortSignal): Promise<string | null> {
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(address, { method: "POST", headers, body, signal });
    const text = await response.text();
    if (response.ok) return null;
    const fault = `${address} answered ${response.status}: ${text}`;
    if (response.status === 429 || response.status >= 500) return fault;
    throw new CommandError(fault);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return `no collector answers at ${address} (${cause})`;
  }
}

function* chunks<T>(values: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
