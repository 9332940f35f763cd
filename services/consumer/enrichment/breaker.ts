import { CircuitState, ConsecutiveBreaker, circuitBreaker, ExponentialBackoff, handleAll } from "cockatiel";
import { sqlState } from "../../postgres/index.ts";
import type { Lookup } from "./cache.ts";

/** What is known of the source of attributes. */
export type SourceStatus =
  | { readonly state: "Reading" }
  | {
      readonly state: "Away";
      /** Its last error, and what to do. */
      readonly problem: string;
    };

/** The source did not answer, or is not asked at the moment since it did not. The message is that of its last error. */
export class SourceAwayError extends Error {
  override readonly name = "SourceAwayError";
  readonly code = "source_away";
}

export interface SourceBreaker {
  /** The same lookup, which fails at once while the source is away. Rejects with SourceAwayError alone. */
  guard(lookup: Lookup): Lookup;
  status(): SourceStatus;
}

export interface SourceBreakerOptions {
  /** Failures in a row after which nobody waits for the source any more. Default 3. */
  readonly failures?: number;
  /** Until it is tried again; doubled with each try that fails. Default 1,000. */
  readonly firstRetryMilliseconds?: number;
  /** Default 30,000. */
  readonly lastRetryMilliseconds?: number;
}

/**
 * Keeps a source that does not answer from holding up batches: after some failures in a row it is away, and every lookup
 * fails at once. Whether it is back is tried beside the batches, with one key of a lookup that came by.
 */
export function sourceBreaker(options: SourceBreakerOptions = {}): SourceBreaker {
  const { failures = 3, firstRetryMilliseconds = 1_000, lastRetryMilliseconds = 30_000 } = options;
  const circuit = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failures),
    halfOpenAfter: new ExponentialBackoff({ initialDelay: firstRetryMilliseconds, maxDelay: lastRetryMilliseconds }),
  });
  let problem = "";
  let trying = false;
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (error) {
      problem = problemOf(error);
      throw new SourceAwayError(problem, { cause: error });
    }
  };
  const tryAgain = async (lookup: Lookup, keys: readonly string[]) => {
    if (trying) return;
    trying = true;
    // Refused until the time has come; a failure is kept in `problem`.
    await circuit.execute(() => asked(() => lookup(keys.slice(0, 1)))).catch(() => {});
    trying = false;
  };
  return {
    guard: (lookup) => async (keys) => {
      if (circuit.state === CircuitState.Closed) return circuit.execute(() => asked(() => lookup(keys)));
      void tryAgain(lookup, keys);
      throw new SourceAwayError(problem);
    },
    status: () => (circuit.state === CircuitState.Closed ? { state: "Reading" } : { state: "Away", problem }),
  };
}

const FIXES: Readonly<Record<string, string>> = {
  "28P01": "set the password in the URI's file; it is read again by itself",
  "28000": "the server does not let this user in from here: see its pg_hba.conf",
  "3D000": "name a database that is there in the URI",
  "42P01": "name a table that is there under enrichment.postgres",
  "42703": "name columns that are there under enrichment.postgres",
  "42501": "grant the user SELECT on the table",
  "57014": "the answer took too long: the key column needs an index",
};

/** In one line: what the source said and, where it is known, what to do. */
function problemOf(error: unknown): string {
  const message = messageOf(error);
  const state = sqlState(error);
  const fix = FIXES[state];
  const code = /^[0-9A-Z]{5}$/.test(state) ? ` (SQLSTATE ${state})` : "";
  return `${message}${code}${fix === undefined ? "" : `: ${fix}`}`;
}

/** Node tells of a name with several addresses in an error without a message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
