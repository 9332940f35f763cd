/** Guessing keys takes time, however many guess at once. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Guesses {
  /** What the check finds, in the order of asking; after a wrong one everybody waits. `"busy"`: too many wait already. */
  take<Found>(check: () => Found | null): Promise<Found | null | "busy">;
}

export interface GuessLimits {
  /** After a wrong one. */
  readonly milliseconds: number;
  readonly waiting: number;
}

export function guesses({ milliseconds, waiting }: GuessLimits): Guesses {
  let line: Promise<unknown> = Promise.resolve();
  let length = 0;
  return {
    async take(check) {
      if (length >= waiting) return "busy";
      length += 1;
      const turn = line.then(async () => {
        const found = check();
        if (found === null) await sleep(milliseconds);
        return found;
      });
      line = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        length -= 1;
      }
    },
  };
}
