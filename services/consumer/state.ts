/** What the consumer's loop has in hand, and how long its steps may take. */
import type { Subscription } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { KnownLinks } from "./known-links.ts";
import type { RetryCause } from "./metrics.ts";
import type { ConsumerOptions } from "./options.ts";
import type { Batch } from "./prepare.ts";
import type { Activity, Liveness, Pulse } from "./pulse.ts";

export const FIRST_RETRY_MILLISECONDS = 200;
/** Whatever was away, the first commit comes soon after its return. */
export const LAST_RETRY_MILLISECONDS = 5_000;
/** How long steps take at most before they fail of themselves, with something to spare. */
export const STEP_MILLISECONDS = 60_000;

export interface Progress {
  state: Liveness["state"];
  stored: number;
  deadLetters: number;
  problem: string;
  /** Of the problem, while it retries. */
  cause: RetryCause | null;
  /** When the log received the oldest record of the batch that is being stored, in milliseconds since 1970. */
  storing: number | null;
  /** The last batch: when it was committed, and how long after the log had its oldest record. */
  lastStored: { readonly at: number; readonly freshnessMilliseconds: number } | null;
  /** Whether there may be events in the table that still lack their attributes. */
  unenriched: boolean;
  /** So that it is logged once. */
  sourceAway: boolean;
  /** In hand: the one that is being stored and the one behind it. */
  readonly batches: Set<Batch>;
  /** Sign-ins that are stored and joined. */
  readonly links: KnownLinks;
}

/** What the loop has in hand. */
export interface Loop {
  readonly options: ConsumerOptions;
  readonly subscription: Subscription;
  /** For each activity: its statements are steps of it, and are given up when nothing is waited for. */
  readonly clickhouse: Readonly<Record<Activity, ClickHouse>>;
  /** No further batch is begun, no failed one tried again. */
  readonly stopping: AbortSignal;
  /** Nothing is waited for any more. */
  readonly givingUp: AbortSignal;
  readonly pulse: Pulse;
  readonly progress: Progress;
}

/** Something is away or refuses; the same step is tried again. */
export function waits(progress: Progress, cause: RetryCause, problem: string): void {
  progress.state = "Retrying";
  progress.cause = cause;
  progress.problem = problem;
}

export function goesOn(progress: Progress): void {
  progress.state = "Running";
  progress.cause = null;
  progress.problem = "";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
