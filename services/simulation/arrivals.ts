import { setTimeout as sleep } from "node:timers/promises";
import type { ShopEvent } from "./events.ts";

const TICK_MILLISECONDS = 100;

/** As time goes on, what has come due since the last look; ends with `stopping`. */
export async function* arrivals(
  events: Generator<ShopEvent, void>,
  now: () => number,
  stopping: AbortSignal,
): AsyncGenerator<readonly ShopEvent[], void> {
  let next = events.next();
  while (!stopping.aborted) {
    const due: ShopEvent[] = [];
    while (!next.done && next.value.occurredAt <= now()) {
      due.push(next.value);
      next = events.next();
    }
    if (due.length > 0) yield due;
    await sleep(TICK_MILLISECONDS, undefined, { signal: stopping }).catch(() => {});
  }
}
