import type { ActivityEvent, ItemRecord, RecordMapper, Rejection, UserRecord } from "../activity/index.ts";
import { type LogRecord, type Position, RECORD_TIME_HEADER } from "../activity-log/index.ts";
import { offsetRanges } from "./offset-ranges.ts";
import { type DeadLetterRow, deadLetterRow, recordId, type Source } from "./rows.ts";

/** Header of a record that `dead-letters replay` sent again: its dead letter is resolved once the record passes. */
export const DEAD_LETTER_HEADER = "productmatcher-dead-letter";

export interface SourcedEvent {
  readonly event: ActivityEvent;
  readonly source: Source;
}

/** A change to an item or a user, and where it came from. */
export interface SourcedChange<Change> {
  readonly change: Change;
  readonly source: Source;
}

export interface PartitionAge {
  readonly topic: string;
  readonly partition: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** What a batch of records means, before any of it is stored. */
export interface Batch {
  readonly records: number;
  /** Of their keys and values. */
  readonly bytes: number;
  /** The partitions and offsets of the records. */
  readonly madeFrom: string;
  /** When the log received the oldest of the records, in milliseconds since 1970. */
  readonly receivedAt: number;
  /** The same by partition. */
  readonly oldest: readonly PartitionAge[];
  readonly events: readonly SourcedEvent[];
  readonly items: readonly SourcedChange<ItemRecord>[];
  readonly users: readonly SourcedChange<UserRecord>[];
  readonly deadLetters: readonly DeadLetterRow[];
  /** Ids of dead letters whose record passed this time. */
  readonly resolved: readonly string[];
  /** Where each partition goes on once all of this is stored. */
  readonly positions: readonly Position[];
}

/**
 * Maps and checks records in their order. A record that fails becomes a dead letter and stops nothing else.
 *
 * @param now milliseconds since 1970
 */
export function prepare(records: readonly LogRecord[], mappers: ReadonlyMap<string, RecordMapper>, now: number): Batch {
  const events: SourcedEvent[] = [];
  const items: SourcedChange<ItemRecord>[] = [];
  const users: SourcedChange<UserRecord>[] = [];
  const deadLetters: DeadLetterRow[] = [];
  const resolved: string[] = [];
  const offsets = new Map<string, Map<number, number>>();
  for (const received of records) {
    const record = withItsOwnTime(received);
    const { topic, partition, offset } = record;
    const source = { topic, partition, offset };
    const next = offsets.get(topic) ?? new Map<number, number>();
    offsets.set(topic, next.set(partition, offset + 1));
    const mapper = mappers.get(topic);
    const { activities, rejection } = mapper?.map(record, now) ?? { activities: [], rejection: notMapped(topic) };
    for (const activity of activities) {
      if (activity.kind === "event") events.push({ event: activity.event, source });
      else if (activity.kind === "item") items.push({ change: activity.item, source });
      else users.push({ change: activity.user, source });
    }
    if (rejection !== null) deadLetters.push(deadLetterRow(record, rejection, now));
    else if (record.headers[DEAD_LETTER_HEADER] !== undefined) resolved.push(recordId(record));
  }
  return {
    records: records.length,
    bytes: records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + value.length, 0),
    madeFrom: offsetRanges(records),
    receivedAt: records.reduce((oldest, record) => Math.min(oldest, record.timestamp), now),
    oldest: oldestByPartition(records),
    events,
    items,
    users,
    deadLetters,
    resolved,
    positions: [...offsets].flatMap(([topic, next]) =>
      [...next].map(([partition, offset]) => ({ topic, partition, offset })),
    ),
  };
}

function oldestByPartition(records: readonly LogRecord[]): PartitionAge[] {
  const oldest = new Map<string, PartitionAge>();
  for (const { topic, partition, timestamp } of records) {
    const place = `${partition}/${topic}`;
    const receivedAt = Math.min(timestamp, oldest.get(place)?.receivedAt ?? timestamp);
    oldest.set(place, { topic, partition, receivedAt });
  }
  return [...oldest.values()];
}

/** A record that was sent again is as old as when it was sent first, whatever time its topic gives it. */
function withItsOwnTime(record: LogRecord): LogRecord {
  const time = record.headers[RECORD_TIME_HEADER];
  return time !== undefined && /^-?\d{1,16}$/.test(time) ? { ...record, timestamp: Number(time) } : record;
}

function notMapped(topic: string): Rejection {
  return {
    reason: "topic_not_mapped",
    path: "",
    message: `no entry of spec.source.topics is named ${topic}: add one, or stop sending to it`,
  };
}
