/**
 * Records that came and were not asked for yet: a queue for each partition, drained in turn, so that a long backlog of
 * one partition holds up no other.
 */
import type { IHeaders, KafkaMessage } from "kafkajs";
import type { LogRecord, PollLimits } from "../activity-log/index.ts";
import { keyOf, type TopicPartition } from "./tenures.ts";

interface Queue extends TopicPartition {
  messages: readonly KafkaMessage[];
  /** Batches behind `messages`. */
  readonly later: (readonly KafkaMessage[])[];
  at: number;
  bytes: number;
}

export class PartitionBuffers {
  /** In the order of turns. */
  readonly #queues = new Map<string, Queue>();

  add(at: TopicPartition, messages: readonly KafkaMessage[]): void {
    if (messages.length === 0) return;
    const key = keyOf(at);
    const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0);
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      this.#queues.set(key, { topic: at.topic, partition: at.partition, messages, later: [], at: 0, bytes });
    } else {
      queue.later.push(messages);
      queue.bytes += bytes;
    }
  }

  drop(at: TopicPartition): void {
    this.#queues.delete(keyOf(at));
  }

  /** Keys and values of a partition, in bytes. */
  bytes(at: TopicPartition): number {
    return this.#queues.get(keyOf(at))?.bytes ?? 0;
  }

  /**
   * At most so many records and bytes; a record larger than that alone. Each partition with records gets an equal share
   * of `maxRecords`; who takes less leaves its share to the next. A partition that was drawn from goes to the end.
   */
  take({ maxRecords, maxBytes }: PollLimits): LogRecord[] {
    const taken: LogRecord[] = [];
    let bytes = 0;
    while (this.#queues.size > 0 && taken.length < maxRecords) {
      let turns = this.#queues.size;
      for (const [key, queue] of [...this.#queues]) {
        const share = Math.ceil((maxRecords - taken.length) / turns);
        turns -= 1;
        for (let count = 0; count < share; count += 1) {
          const message = queue.messages[queue.at];
          if (message === undefined) break;
          const valueBytes = message.value?.length ?? 0;
          if (taken.length > 0 && bytes + valueBytes > maxBytes) return taken;
          if (count === 0) this.#toTheEnd(key, queue);
          taken.push(recordOf(queue, message));
          bytes += valueBytes;
          queue.bytes -= sizeOf(message);
          this.#advance(key, queue);
        }
      }
    }
    return taken;
  }

  #toTheEnd(key: string, queue: Queue): void {
    this.#queues.delete(key);
    this.#queues.set(key, queue);
  }

  #advance(key: string, queue: Queue): void {
    queue.at += 1;
    if (queue.at < queue.messages.length) return;
    const next = queue.later.shift();
    if (next === undefined) {
      this.#queues.delete(key);
      queue.messages = [];
      return;
    }
    queue.messages = next;
    queue.at = 0;
  }
}

function sizeOf({ key, value }: KafkaMessage): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}

const NO_BYTES = new Uint8Array(0);
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** A record without a value (a deletion in a compacted topic) has an empty one. */
function recordOf({ topic, partition }: TopicPartition, message: KafkaMessage): LogRecord {
  const { key, value, offset, timestamp, headers } = message;
  return {
    topic,
    partition,
    offset: Number(offset),
    key: key === null ? null : key.toString(),
    value: value === null ? NO_BYTES : new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
    headers: headers === undefined ? NO_HEADERS : headersOf(headers),
    timestamp: Number(timestamp),
  };
}

/** Of a header that comes more than once, the last. */
function headersOf(headers: IHeaders): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value;
    return [name, last === undefined ? "" : last.toString()] as const;
  });
  return entries.length === 0 ? NO_HEADERS : Object.fromEntries(entries);
}
