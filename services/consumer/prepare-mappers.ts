import { setTimeout as sleep } from "node:timers/promises";
import type { RecordMapper } from "../activity/index.ts";
import type { LogRecord } from "../activity-log/index.ts";
import { FIRST_RETRY_MILLISECONDS, LAST_RETRY_MILLISECONDS } from "./state.ts";

/**
 * Lets the mappers fetch what they need for these records, such as schemas. Tried again until it is there: that a
 * registry is away is no fault of a record.
 *
 * @returns false when it was told to stop before that; then the records cannot be mapped
 */
export async function prepareMappers(
  records: readonly LogRecord[],
  mappers: ReadonlyMap<string, RecordMapper>,
  stopping: AbortSignal,
  onRetry: (error: unknown, retryMilliseconds: number) => void,
): Promise<boolean> {
  const asking = [...Map.groupBy(records, ({ topic }) => mappers.get(topic))].flatMap(([mapper, group]) =>
    mapper?.prepare === undefined ? [] : [{ prepare: mapper.prepare, group }],
  );
  if (asking.length === 0) return true;
  for (let retry = FIRST_RETRY_MILLISECONDS; ; retry = Math.min(retry * 2, LAST_RETRY_MILLISECONDS)) {
    try {
      for (const { prepare, group } of asking) await prepare(group, stopping);
      return true;
    } catch (error) {
      if (stopping.aborted) return false;
      onRetry(error, retry);
    }
    await sleep(retry, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return false;
  }
}
