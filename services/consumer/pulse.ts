/**
 * The sign of life of a loop: before each step it says how long that may take. A loop that waits for something that is
 * away goes on saying so; one that stands still does not.
 */

/** What the loop does side by side: it reads the next batch while it stores the one before. */
export type Activity = "Reading" | "Storing";

export class Pulse {
  readonly #now: () => number;
  readonly #due = new Map<Activity, number>();
  #lastTick: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#lastTick = now();
  }

  /** A step begins that ends, in success or not, within so many milliseconds. */
  tick(activity: Activity, withinMilliseconds: number): void {
    this.#lastTick = this.#now();
    this.#due.set(activity, this.#lastTick + withinMilliseconds);
  }

  /** Nothing of this is done until its next tick: it is over, or waits for the other. */
  rest(activity: Activity): void {
    this.#lastTick = this.#now();
    this.#due.delete(activity);
  }

  /** Milliseconds since 1970. */
  get lastTick(): number {
    return this.#lastTick;
  }

  /** By when the loop must have gone on, in milliseconds since 1970; `null` while nothing is done. */
  get nextTickBy(): number | null {
    return this.#due.size === 0 ? null : Math.min(...this.#due.values());
  }
}

export interface Liveness {
  readonly state: "Running" | "Retrying" | "Stopped" | "Failed";
  /** When the loop last went on, in milliseconds since 1970. */
  readonly lastTick: number;
  /** By when it must have gone on again; `null` when it has ended. */
  readonly nextTickBy: number | null;
}

/**
 * Whether a consumer goes on, if only to try again: what `/healthz` says. One that is not is to be started anew.
 *
 * @param now milliseconds since 1970
 */
export function isAlive({ state, nextTickBy }: Liveness, now: number): boolean {
  return state !== "Failed" && (nextTickBy === null || now <= nextTickBy);
}
