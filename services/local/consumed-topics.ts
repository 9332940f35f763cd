import { isDeepStrictEqual } from "node:util";
import type { RecordMapper, TopicSpec } from "../activity/index.ts";
import type { PartitionLag } from "../activity-log/index.ts";
import type { Consumer } from "../consumer/index.ts";
import type { DataFolder } from "./data-folder.ts";

/** The consumer with what it reads: the pipeline's own topics, those of the resource, and those that replays have brought. */
export interface ConsumedTopics {
  /** Another one after each `add` that changed something. */
  consumer(): Consumer;
  /** Those of the resource, and those that replays have brought. */
  topics(): readonly TopicSpec[];
  /**
   * Makes the consumer read further topics, now and at every later start. A topic of the resource keeps its mapping.
   *
   * @throws MappingError for a topic that can never work; then nothing has changed
   */
  add(topics: readonly TopicSpec[]): Promise<void>;
  /** Of every partition that the consumer reads. @throws when the consumer has ended */
  lag(): Promise<readonly PartitionLag[]>;
  /** Rejects when a consumer fails for good; never resolves. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

export interface ConsumedTopicsOptions {
  /** `<prefix>.events` and `<prefix>.entities`, which take no mapping but their own. */
  readonly ownTopics: readonly TopicSpec[];
  /** Of the resource. */
  readonly declared: readonly TopicSpec[];
  readonly folder: Pick<DataFolder, "readReplayedTopics" | "writeReplayedTopics">;
  /** @throws MappingError */
  readonly compile: (topic: TopicSpec) => RecordMapper;
  readonly start: (mappers: ReadonlyMap<string, RecordMapper>) => Promise<Consumer>;
}

/** @throws MappingError, and whatever the consumer's start throws */
export async function consumeTopics(options: ConsumedTopicsOptions): Promise<ConsumedTopics> {
  const { ownTopics, declared, folder, compile } = options;
  const isDeclared = ({ name }: TopicSpec) => [...ownTopics, ...declared].some((topic) => topic.name === name);
  let replayed = folder.readReplayedTopics().filter((topic) => !isDeclared(topic));
  const failure = Promise.withResolvers<never>();
  // Whoever awaits `failed` still sees it; without this, nobody awaiting it would end the process.
  failure.promise.catch(() => {});
  const start = async () => {
    const mappers = new Map([...declared, ...replayed, ...ownTopics].map((topic) => [topic.name, compile(topic)]));
    const started = await options.start(mappers);
    started.ended.catch(failure.reject);
    return started;
  };
  const add = async (added: readonly TopicSpec[]) => {
    const fresh = added.filter(
      (topic) => !isDeclared(topic) && !replayed.some((known) => isDeepStrictEqual(known, topic)),
    );
    if (fresh.length === 0) return;
    for (const topic of fresh) compile(topic);
    const kept = replayed.filter(({ name }) => fresh.every((topic) => topic.name !== name));
    // What waits in the log was sent with the mapping that is about to be replaced.
    if (kept.length < replayed.length) await consumer.caughtUp();
    replayed = [...kept, ...fresh];
    folder.writeReplayedTopics(replayed);
    await consumer.close();
    consumer = await start();
  };
  let consumer = await start();
  /** One change at a time, and nobody looks at a consumer that is being replaced. */
  let adding: Promise<void> = Promise.resolve();
  return {
    consumer: () => consumer,
    topics: () => [...declared, ...replayed],
    add(topics) {
      const done = adding.then(() => add(topics));
      adding = done.catch(() => {});
      return done;
    },
    async lag() {
      await adding;
      return consumer.lag();
    },
    failed: failure.promise,
    async close() {
      await adding;
      await consumer.close();
    },
  };
}
