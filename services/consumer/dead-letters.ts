import type { ActivityLog } from "../activity-log/index.ts";
import { type ClickHouse, type DeadLetterFilter, matchingDeadLetters, type SizedId } from "../clickhouse/index.ts";
import { type FailedRecord, sentAgain } from "./dead-letter-record.ts";
import { inParts } from "./parts.ts";

/** Of one append; a page ends at whichever comes first. */
const PAGE_RECORDS = 500;
const PAGE_BYTES = 16 * 1024 * 1024;

/** Some records were sent through again before it failed; the cause is what stopped it. */
export class ReplayInterruptedError extends Error {
  override readonly name = "ReplayInterruptedError";
  readonly code = "replay_interrupted";
  readonly sent: number;
  readonly matching: number;

  constructor(sent: number, matching: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${sent} of ${matching} records were sent through again, then it failed: ${why}`, { cause });
    this.sent = sent;
    this.matching = matching;
  }
}

/**
 * Sends the records through again, by the mapping of today. Each keeps its identity, so that one that was stored after
 * all is not counted twice, and is marked resolved by the consumer once it passes.
 *
 * @returns how many records were sent
 * @throws ReplayInterruptedError when some were sent; else ClickHouseError, or the log's error
 */
export async function replayDeadLetters(
  clickhouse: ClickHouse,
  log: ActivityLog,
  filter: DeadLetterFilter,
): Promise<number> {
  const matching = await matchingDeadLetters(clickhouse, filter);
  let sent = 0;
  try {
    for (const ids of pagesOf(matching)) {
      const letters = await clickhouse.query<StoredRecord>(
        `${RECORDS} WHERE id IN {ids:Array(String)} ORDER BY recorded_at, id`,
        { ids },
      );
      for (const [topic, group] of Map.groupBy(letters, (letter) => letter.topic)) {
        await log.append(
          topic,
          group.map((letter) => sentAgain(failedRecord(letter))),
        );
        sent += group.length;
      }
    }
  } catch (error) {
    if (sent === 0) throw error;
    throw new ReplayInterruptedError(sent, matching.length, error);
  }
  return matching.length;
}

/**
 * Sends one record through again with other bytes in place of its own. It keeps its identity: once it passes, the dead
 * letter is resolved; if it does not, the dead letter holds the new bytes and the reason of today.
 *
 * @returns false when there is no open one of that id; then nothing was sent
 * @throws ClickHouseError, or the log's error
 */
export async function mendDeadLetter(
  clickhouse: ClickHouse,
  log: ActivityLog,
  id: string,
  value: Uint8Array,
): Promise<boolean> {
  const [letter] = await clickhouse.query<StoredRecord>(`${RECORDS} WHERE id = {id:String} AND NOT resolved`, { id });
  if (letter === undefined) return false;
  await log.append(letter.topic, [sentAgain({ ...failedRecord(letter), value })]);
  return true;
}

const RECORDS = `
SELECT id, topic, key, headers, toUnixTimestamp64Milli(recorded_at) AS recorded, base64Encode(value) AS valueBase64
FROM dead_letters FINAL`;

function failedRecord({ id, key, headers, recorded, valueBase64 }: StoredRecord): FailedRecord {
  return { id, key, headers, recordedAt: Number(recorded), value: Buffer.from(valueBase64, "base64") };
}

interface StoredRecord {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly recorded: string;
  readonly valueBase64: string;
}

function* pagesOf(letters: readonly SizedId[]): Generator<string[]> {
  let page: string[] = [];
  let bytes = 0;
  for (const { id, size } of letters) {
    if (page.length === PAGE_RECORDS || (page.length > 0 && bytes + size > PAGE_BYTES)) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(id);
    bytes += size;
  }
  if (page.length > 0) yield page;
}

/** @throws ClickHouseError */
export async function markResolved(clickhouse: ClickHouse, ids: readonly string[], now: number): Promise<void> {
  for (const part of inParts(ids, (id) => [id])) await clickhouse.command(MARK_RESOLVED, { ids: part, now });
}

const MARK_RESOLVED = `
INSERT INTO dead_letters (
  id, reason, path, message, topic, partition, offset, key, headers, recorded_at, value, failed_at, resolved, updated_at
)
SELECT
  id, reason, path, message, topic, partition, offset, key, headers, recorded_at, value, failed_at, true,
  fromUnixTimestamp64Milli({now:Int64})
FROM dead_letters FINAL WHERE id IN {ids:Array(String)} AND NOT resolved`;
