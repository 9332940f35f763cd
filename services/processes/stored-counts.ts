import type { Logger } from "pino";
import type { ClickHouse } from "../clickhouse/index.ts";

export interface StoredCounts {
  /** Rows of events; a repeat may count until it is merged away. */
  readonly storedEvents: number;
  /** Records that were not accepted, and are not resolved. */
  readonly deadLetters: number;
}

const LOOK_MILLISECONDS = 15_000;

const COUNTS = `
SELECT
  toFloat64((SELECT count() FROM events)) AS storedEvents,
  toFloat64((SELECT count() FROM (
    SELECT argMax(resolved, updated_at) AS is_resolved FROM dead_letters GROUP BY id HAVING NOT is_resolved
  ))) AS deadLetters`;

/**
 * Counts of the whole pipeline, looked up in the background: whoever asks for a status must not wait for ClickHouse.
 *
 * @returns what the last look found; nothing before the first
 */
export function watchStoredCounts(
  clickhouse: ClickHouse,
  { logger, onClose }: { readonly logger: Logger; onClose(step: () => Promise<void>): void },
): () => Partial<StoredCounts> {
  let counts: Partial<StoredCounts> = {};
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const look = async () => {
    try {
      const [found] = await clickhouse.query<StoredCounts>(COUNTS);
      if (found !== undefined) counts = found;
    } catch (error) {
      if (!closed) logger.debug({ err: error }, "stored events could not be counted; trying again");
    }
    if (!closed) timer = setTimeout(() => void look(), LOOK_MILLISECONDS);
  };
  void look();
  onClose(async () => {
    closed = true;
    clearTimeout(timer);
  });
  return () => counts;
}
