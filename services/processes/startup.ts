/** What a role waits for while it starts, in words for people and with a reason for the operator. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Problem } from "../role-report/index.ts";

const FIRST_WAIT_MILLISECONDS = 250;
const LAST_WAIT_MILLISECONDS = 5_000;

/** A role's start: each step is tried until it succeeds or the role is told to stop. */
export class Startup {
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  #waiting: Problem | null = null;

  constructor(logger: Logger, signal: AbortSignal) {
    this.#logger = logger;
    this.#signal = signal;
  }

  /** `null` once nothing is missing. */
  get waiting(): Problem | null {
    return this.#waiting;
  }

  /**
   * Tries a step until it succeeds.
   *
   * @param about what does not work while it fails
   * @param doing as in "connecting to ClickHouse"
   * @param isFinal whether the same again could never succeed: then the error is thrown
   * @throws the signal's reason when the role is told to stop
   */
  async step<Result>(
    about: Problem["about"],
    doing: string,
    attempt: () => Promise<Result>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<Result> {
    for (let wait = FIRST_WAIT_MILLISECONDS; ; wait = Math.min(wait * 2, LAST_WAIT_MILLISECONDS)) {
      this.#signal.throwIfAborted();
      try {
        const result = await attempt();
        this.#waiting = null;
        return result;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (isFinal(error)) throw error;
        this.#wait(about, doing, error);
      }
      await sleep(wait, undefined, { signal: this.#signal }).catch(() => {});
    }
  }

  #wait(about: Problem["about"], doing: string, error: unknown): void {
    const waiting = { about, reason: reasonOf(error), message: `${doing}: ${messageOf(error)}` };
    const known = this.#waiting?.message === waiting.message;
    this.#waiting = waiting;
    if (!known) this.#logger.warn({ err: error }, `${doing} did not succeed; trying again until it does`);
  }
}

/** One word for what kind of thing is wrong. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS.get(code) ?? "Unavailable";
}

/** Codes of our own errors, of ClickHouse and of the system, by the word that conditions have for them. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["SecretMissing", "SecretMissing"],
  ["SecretKeyMissing", "SecretKeyMissing"],
  ["unreachable", "Unreachable"],
  ["certificate_refused", "TlsFailed"],
  ["sign_in_refused", "AuthenticationFailed"],
  ["not_authorized", "NotAuthorized"],
  ["topic_missing", "TopicMissing"],
  ["schema_missing", "WaitingForMigration"],
  ["schema_version", "ServerUnsupported"],
  ["DatabaseTaken", "DatabaseTaken"],
  ["ConfigurationRejected", "ConfigurationRejected"],
  ["164", "NotAuthorized"],
  ["242", "ReadOnly"],
  ["ECONNREFUSED", "Unreachable"],
  ["ECONNRESET", "Unreachable"],
  ["ENOTFOUND", "Unreachable"],
  ["ETIMEDOUT", "Unreachable"],
  ["193", "AuthenticationFailed"],
  ["516", "AuthenticationFailed"],
  ["497", "NotAuthorized"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "TlsFailed"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "TlsFailed"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "TlsFailed"],
  ["CERT_HAS_EXPIRED", "TlsFailed"],
]);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
