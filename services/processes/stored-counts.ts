import type { Logger } from "pino";
import type { ClickHouse } from "../clickhouse/index.ts";

export interface StoredCounts {
  /** Rows of events; a repeat may count until it is merged away. */
  readonly storedEvents: number;
  /** Records that were not accepted, and are not resolved. */
  readonly deadLetters: number;
}

const KEPT_MILLISECONDS = 15_000;

const COUNTS = `
SELECT
  toFloat64((SELECT count() FROM events)) AS storedEvents,
  toFloat64((SELECT count() FROM (
    SELECT argMax(resolved, updated_at) AS is_resolved FROM dead_letters GROUP BY id HAVING NOT is_resolved
  ))) AS deadLetters`;

/**
 * Counts of the whole pipeline. Whoever asks is not kept waiting for ClickHouse: they are given what the last look found,
 * and their asking brings about the next.
 *
 * @param options `now`: milliseconds since 1970
 * @returns nothing before the first look
 */
export function storedCounts(
  clickhouse: ClickHouse,
  { logger, now }: { readonly logger: Logger; readonly now: () => number },
): () => Partial<StoredCounts> {
  let counts: Partial<StoredCounts> = {};
  let looking = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    looking = true;
    try {
      const [found] = await clickhouse.query<StoredCounts>(COUNTS);
      if (found !== undefined) counts = found;
    } catch (error) {
      logger.debug({ err: error }, "stored events could not be counted; trying again");
    } finally {
      looking = false;
      lookedAt = now();
    }
  };
  return () => {
    if (!looking && now() - lookedAt >= KEPT_MILLISECONDS) void look();
    return counts;
  };
}
