/**
 * A shop's own servers: they post batches to the collector over a few connections, and post a batch again until it is
 * answered. Some events come again in a later batch, and some entries are no events at all.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../../services/simulation/random.ts";
import { type ShopEvent, shopActivity, take } from "../ingest/activity.ts";

const EVENTS_PER_BATCH = 250;
const CONNECTIONS = 8;
const REPEATED = 0.05;
const BAD_PER_BATCH = 1;
const REMEMBERED = 20_000;
const AGAIN_MILLISECONDS = 250;
const REQUEST_MILLISECONDS = 30_000;

export interface Delivered {
  /** Different events. */
  readonly events: number;
  /** Of those, purchases. */
  readonly purchases: number;
  /** Events sent once more. */
  readonly repeats: number;
  /** Entries that were no events, and how many the collector has refused. */
  readonly bad: number;
  readonly refused: number;
  /** Batches that had to be posted again. */
  readonly postedAgain: number;
}

/** @param onProgress events acknowledged so far */
export async function deliver(
  address: string,
  events: number,
  onProgress: (acknowledged: number) => void,
): Promise<Delivered> {
  const activity = shopActivity(5);
  const random = new Random(6);
  const earlier: ShopEvent[] = [];
  const sum = { events: 0, purchases: 0, repeats: 0, bad: 0, refused: 0, postedAgain: 0, acknowledged: 0 };

  const next = (): { readonly fresh: number; readonly body: string } | null => {
    const fresh = take(activity, Math.min(EVENTS_PER_BATCH, events - sum.events));
    if (fresh.length === 0) return null;
    sum.events += fresh.length;
    sum.purchases += fresh.filter(({ event }) => event === "purchase").length;
    const repeats = fresh.flatMap(() => (earlier.length > 0 && random.chance(REPEATED) ? [random.pick(earlier)] : []));
    sum.repeats += repeats.length;
    const bad = take(badEntries(random), BAD_PER_BATCH);
    sum.bad += bad.length;
    for (const event of fresh)
      earlier[earlier.length < REMEMBERED ? earlier.length : random.integer(REMEMBERED)] = event;
    return { fresh: fresh.length, body: JSON.stringify({ events: [...fresh, ...bad, ...repeats] }) };
  };

  const connection = async () => {
    for (let batch = next(); batch !== null; batch = next()) {
      for (;;) {
        const rejected = await post(address, batch.body);
        if (rejected !== null) {
          sum.refused += rejected;
          break;
        }
        sum.postedAgain += 1;
        await sleep(AGAIN_MILLISECONDS);
      }
      sum.acknowledged += batch.fresh;
      onProgress(sum.acknowledged);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return sum;
}

/** @returns how many entries were refused; `null` when it is not known whether any was taken */
async function post(address: string, body: string): Promise<number | null> {
  try {
    const response = await fetch(`${address}/v1/batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(REQUEST_MILLISECONDS),
    });
    const answer = (await response.json()) as { readonly rejected?: readonly unknown[] };
    if (response.ok) return answer.rejected?.length ?? 0;
    if (response.status === 429 || response.status >= 500) return null;
    throw new Error(`the collector answered ${response.status}: ${JSON.stringify(answer)}`);
  } catch (error) {
    if (error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")) return null;
    throw error;
  }
}

function* badEntries(random: Random): Generator<unknown> {
  for (;;) {
    yield random.pick([
      { event: "view", itemId: "sku-1" },
      { event: "view", userId: "user-1" },
      { event: "view", userId: "user-1", itemId: "sku-1", occurredAt: "the other day" },
      { event: "purchase", userId: "user-1", itemId: "sku-1", price: "cheap" },
    ]);
  }
}
