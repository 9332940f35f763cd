/** More users and items than a metric could ever name: what a label by mistake would drown in. */
import type { RunningLocal } from "../../services/local/index.ts";

export interface Crowd {
  readonly users: number;
  readonly items: number;
}

/** Half of what the collector takes in one request. */
const EVENTS_AT_ONCE = 500;
/** Requests that wait for the log side by side: it makes one write of what comes together. */
const AT_ONCE = 8;
/** Of so many users one asks: a stranger's past is looked up in ClickHouse, which a million times takes an hour. */
const ASKING = 500;

/**
 * Every user views an item, over HTTP; one of five hundred then asks for recommendations, and for what is like the item.
 *
 * @returns once all of it is in the tables
 */
export async function letIn(local: RunningLocal, { users, items }: Crowd): Promise<void> {
  let next = 0;
  const queue = async () => {
    while (next < users) {
      const from = next;
      next += EVENTS_AT_ONCE;
      const visits = Array.from({ length: Math.min(EVENTS_AT_ONCE, users - from) }, (_, at) => visit(from + at, items));
      await post(local.address, visits);
      for (const { userId, itemId } of visits.filter((_, at) => at % ASKING === 0)) {
        await ask(local, `users/${userId}`);
        await ask(local, `items/${itemId}/similar`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, queue));
  await local.pipeline.consumer().caughtUp();
}

function visit(number: number, items: number) {
  return { event: "view", userId: `user-${number}`, itemId: `item-${number % items}` };
}

async function post(address: string, events: readonly object[]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${address}/v1/batch`, { method: "POST", headers, body: JSON.stringify({ events }) });
  const answer = await response.text();
  if (response.status !== 200) throw new Error(`a batch was not taken: ${response.status} ${answer}`);
}

function ask({ recommender }: RunningLocal, path: string) {
  return recommender.answer({ method: "GET", url: `/v1/recommendations/${path}`, body: undefined });
}
