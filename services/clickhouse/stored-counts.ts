import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import type { ClickHouse } from "./client.ts";

export interface StoredCounts {
  /** Rows of events; a repeat may count until it is merged away. */
  readonly storedEvents: number;
  /** Records that were not accepted, and are not resolved. */
  readonly deadLetters: number;
  /** Of the disk of the server that was asked, in bytes. */
  readonly diskFree: number;
  readonly diskSize: number;
}

const KEPT_MILLISECONDS = 15_000;

const COUNTS = `
SELECT
  toFloat64((SELECT count() FROM events)) AS storedEvents,
  toFloat64((SELECT count() FROM (
    SELECT argMax(resolved, updated_at) AS is_resolved FROM dead_letters GROUP BY id HAVING NOT is_resolved
  ))) AS deadLetters,
  toFloat64(filesystemAvailable()) AS diskFree,
  toFloat64(filesystemCapacity()) AS diskSize`;

/** @throws ClickHouseError */
export async function readStoredCounts(clickhouse: ClickHouse): Promise<StoredCounts> {
  const [found] = await clickhouse.query<StoredCounts>(COUNTS);
  return found ?? { storedEvents: 0, deadLetters: 0, diskFree: 0, diskSize: 0 };
}

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
      counts = await readStoredCounts(clickhouse);
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

/** Shown as far as they are known. */
export function storedMetrics(registry: Registry, counts: () => Partial<StoredCounts>): void {
  const gauge = (name: string, help: string, read: keyof StoredCounts) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const { [read]: value } = counts();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  gauge(
    "productmatcher_stored_events",
    "Rows of events in ClickHouse; a repeat may count until it is merged away",
    "storedEvents",
  );
  gauge("productmatcher_open_dead_letters", "Records that were not accepted and are not resolved", "deadLetters");
  gauge(
    "productmatcher_clickhouse_disk_free_bytes",
    "Free on the disk of the ClickHouse server that was asked",
    "diskFree",
  );
  gauge(
    "productmatcher_clickhouse_disk_size_bytes",
    "Size of the disk of the ClickHouse server that was asked",
    "diskSize",
  );
}
