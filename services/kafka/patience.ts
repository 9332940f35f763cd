/**
 * Trying again for a bounded time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isFinal, type KafkaErrorPlace, kafkaLogError } from "./errors.ts";
import type { CompiledOptions } from "./options.ts";

const FIRST_WAIT_MILLISECONDS = 50;
const LAST_WAIT_MILLISECONDS = 1_000;

export interface Patience {
  /** As in "reading the offsets of topic clicks". */
  readonly doing: string;
  readonly place?: KafkaErrorPlace;
  readonly milliseconds: number;
  /** Its abort ends the trying at once, with its reason. */
  readonly signal: AbortSignal;
  /** Whether the same again could succeed. Default: unless the request itself is at fault. */
  readonly passes?: (error: unknown) => boolean;
}

/**
 * A broker that has just started, moves or restarts answers with errors that pass (NOT_COORDINATOR,
 * COORDINATOR_LOAD_IN_PROGRESS, LEADER_NOT_AVAILABLE, refused connections), so everything that Kafka answers is tried
 * again, except what blames the request.
 *
 * @throws KafkaLogError of the last attempt
 */
export async function persist<Result>(
  { onEvent, now }: Pick<CompiledOptions, "onEvent" | "now">,
  { doing, place = {}, milliseconds, signal, passes = (error) => !isFinal(error) }: Patience,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const deadline = now() + milliseconds;
  for (let wait = FIRST_WAIT_MILLISECONDS; ; wait = Math.min(wait * 2, LAST_WAIT_MILLISECONDS)) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const failure = kafkaLogError(doing, error, place);
      if (!passes(error) || now() >= deadline) throw failure;
      onEvent({ kind: "retrying", doing, error: failure });
    }
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}
