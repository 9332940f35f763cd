/**
 * Appends in the order in which they were made, each acknowledged by all in-sync replicas.
 *
 * kafkajs gives a failed send's sequence numbers to the next one: two sends at a time, or another send after a failed
 * one, and the broker takes new records for repeats and drops them. It chooses partitions anew at each attempt, so a
 * repeat may land elsewhere, and it may leave out a partition whose leader moved. Hence: one send at a time, partitions
 * chosen once and here, every partition's acknowledgement checked, and after a failure a producer with a new id.
 */
import kafkajs, { type Message, type PartitionMetadata, type Producer } from "kafkajs";
import type { OutgoingRecord } from "../activity-log/index.ts";
import type { KafkaAdmin } from "./admin.ts";
import { COMPRESSION_TYPES } from "./codecs.ts";
import { type Client, openClient } from "./connection.ts";
import { isFinal, KafkaLogError, kafkaLogError } from "./errors.ts";
import type { CompiledOptions } from "./options.ts";
import { persist } from "./patience.ts";

const { DefaultPartitioner } = kafkajs.Partitioners;

/** Half a minute: kafkajs keeps the sequence numbers over its own retries, so a restarting broker makes no repeats. */
const RETRIES_INSIDE = 30;
const ALL_IN_SYNC_REPLICAS = -1;

interface AddressedMessage extends Message {
  readonly partition: number;
}

/** Part of one append, small enough for one request. */
interface Chunk {
  readonly topic: string;
  readonly messages: readonly AddressedMessage[];
  readonly bytes: number;
  readonly append: Append;
}

interface Append {
  chunksLeft: number;
  resolve(): void;
  reject(error: Error): void;
}

interface Connected {
  readonly client: Client;
  readonly producer: Producer;
}

export class BatchingProducer {
  readonly #options: CompiledOptions;
  readonly #admin: KafkaAdmin;
  readonly #closing: AbortSignal;
  readonly #partition = DefaultPartitioner();
  #queue: Chunk[] = [];
  #flushing: Promise<void> | null = null;
  #connected: Connected | null = null;

  constructor(options: CompiledOptions, admin: KafkaAdmin, closing: AbortSignal) {
    this.#options = options;
    this.#admin = admin;
    this.#closing = closing;
  }

  async append(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    const partitions = [...(await this.#admin.partitions(topic))];
    const messages = records.map((record) => this.#address(topic, partitions, record));
    await new Promise<void>((resolve, reject) => {
      const append: Append = { chunksLeft: 0, resolve, reject };
      const chunks = cut(topic, messages, append, this.#options.maxBatchBytes);
      append.chunksLeft = chunks.length;
      this.#queue.push(...chunks);
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = null;
      });
    });
  }

  /** After the appends under way have ended. */
  async close(): Promise<void> {
    await this.#flushing;
    const connected = this.#connected;
    this.#connected = null;
    await connected?.producer.disconnect().catch(() => {});
    connected?.client.cutOff();
  }

  #address(topic: string, partitions: PartitionMetadata[], record: OutgoingRecord): AddressedMessage {
    const message: Message = {
      key: record.key,
      value: Buffer.from(record.value.buffer, record.value.byteOffset, record.value.byteLength),
      timestamp: `${record.timestamp ?? this.#options.now()}`,
      ...(record.headers === undefined ? {} : { headers: { ...record.headers } }),
    };
    return { ...message, partition: this.#partition({ topic, partitionMetadata: partitions, message }) };
  }

  async #flush(): Promise<void> {
    // In a later turn: appends of the same moment share a request.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#deliver(batch);
        for (const { append } of batch) {
          append.chunksLeft -= 1;
          if (append.chunksLeft === 0) append.resolve();
        }
      } catch (error) {
        const failed = new Set(batch.map(({ append }) => append));
        this.#queue = this.#queue.filter(({ append }) => !failed.has(append));
        for (const append of failed) append.reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  #takeBatch(): Chunk[] {
    let count = 0;
    let bytes = 0;
    for (const chunk of this.#queue) {
      if (count > 0 && bytes + chunk.bytes > this.#options.maxBatchBytes) break;
      bytes += chunk.bytes;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /**
   * Until it is acknowledged. A new attempt after a failed one may store records twice: readers absorb that, as they
   * absorb every repeat of at-least-once delivery.
   */
  async #deliver(batch: readonly Chunk[]): Promise<void> {
    const topics = [...new Set(batch.map(({ topic }) => topic))];
    const doing = `appending to ${topics.join(", ")}`;
    const place = topics.length === 1 && topics[0] !== undefined ? { topic: topics[0] } : {};
    const milliseconds = this.#options.deliveryTimeoutMilliseconds;
    const expiry = new AbortController();
    const timer = setTimeout(() => expiry.abort(new Error("time is up")), milliseconds);
    const signal = AbortSignal.any([this.#closing, expiry.signal]);
    try {
      await persist(this.#options, { doing, place, milliseconds, signal }, () => this.#attempt(batch, signal));
    } catch (error) {
      if (isFinal(error) || this.#closing.aborted) throw kafkaLogError(doing, error, place);
      const message = `${doing}: not acknowledged within ${milliseconds} ms; the records may be stored or not: append them again`;
      throw new KafkaLogError("append_unconfirmed", message, place, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends with the signal, whatever kafkajs is still trying then: without its connections it can store nothing more. */
  async #attempt(batch: readonly Chunk[], signal: AbortSignal): Promise<void> {
    const client = this.#connected?.client ?? openClient(this.#options, RETRIES_INSIDE);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      const sent = (async () => this.#send((this.#connected ?? (await this.#connect(client))).producer, batch))();
      await Promise.race([sent, aborted.promise]);
    } catch (error) {
      this.#connected = null;
      client.cutOff();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #connect(client: Client): Promise<Connected> {
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: DefaultPartitioner,
      retry: { retries: RETRIES_INSIDE },
    });
    await producer.connect();
    this.#connected = { client, producer };
    return this.#connected;
  }

  async #send(producer: Producer, batch: readonly Chunk[]): Promise<void> {
    let left = batch.map(({ topic, messages }) => ({ topic, messages: [...messages] }));
    while (left.length > 0) {
      const acknowledged = await producer.sendBatch({
        acks: ALL_IN_SYNC_REPLICAS,
        compression: COMPRESSION_TYPES[this.#options.compression],
        topicMessages: left,
      });
      const done = new Set(acknowledged.map(({ topicName, partition }) => `${partition}/${topicName}`));
      left = left
        .map(({ topic, messages }) => ({
          topic,
          messages: messages.filter(({ partition }) => !done.has(`${partition}/${topic}`)),
        }))
        .filter(({ messages }) => messages.length > 0);
    }
  }
}

function cut(topic: string, messages: readonly AddressedMessage[], append: Append, maxBytes: number): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    const size = sizeOf(message);
    if (index > start && bytes + size > maxBytes) {
      chunks.push({ topic, messages: messages.slice(start, index), bytes, append });
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  chunks.push({ topic, messages: messages.slice(start), bytes, append });
  return chunks;
}

/** Of key, value and headers, with an allowance for offsets and lengths. */
function sizeOf({ key, value, headers }: Message): number {
  const ALLOWANCE = 32;
  let bytes = Buffer.byteLength(key ?? "") + Buffer.byteLength(value ?? "") + ALLOWANCE;
  for (const name in headers) bytes += name.length + String(headers[name]).length + ALLOWANCE / 8;
  return bytes;
}
