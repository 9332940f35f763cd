/** Which part is to blame: the health of each, with what to do. Pure. */
import { ago, bytes, count, counted, duration } from "./format.ts";
import type { Trained } from "./leaderboard.ts";
import type { PipelineState } from "./ports.ts";
import { PRESENT_SECONDS, type Sample, summary } from "./samples.ts";

/** `Unknown`: it runs in another process, of which this one knows nothing. */
export type Health = "Good" | "Attention" | "Bad" | "Unknown";

export interface Part {
  readonly name: string;
  readonly does: string;
  readonly health: Health;
  /** One sentence: how it is, and what to do where it is not good. */
  readonly says: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** What ClickHouse says of itself; `Error`: why it does not. */
export type StoreState =
  | { readonly events: number; readonly openDeadLetters: number; readonly diskFree: number; readonly diskSize: number }
  | { readonly error: string };

export interface PartsInput {
  readonly state: PipelineState;
  readonly store: StoreState;
  /** `undefined`: the registry could not be read. */
  readonly trained: Trained | undefined;
  readonly samples: readonly Sample[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

const FRESH_MILLISECONDS = 10_000;
const FULL_SHARE = 0.1;

/** In the order in which an event passes them. */
export function partsOf(input: PartsInput): Part[] {
  return [collector(input), consumer(input), store(input.store), trainer(input), recommender(input)];
}

/** The worst of them; what is not known is no fault. */
export function overall(parts: readonly Part[]): Exclude<Health, "Unknown"> {
  const is = (health: Health) => parts.some((part) => part.health === health);
  return is("Bad") ? "Bad" : is("Attention") ? "Attention" : "Good";
}

function collector({ state: { collects } }: PartsInput): Part {
  const part = { name: "Collector", does: "takes activity in over HTTP", facts: [] };
  if (collects === null) {
    const says = "Runs in pods of its own, which this page does not see: its /status and the Ingestion dashboard tell.";
    return { ...part, health: "Unknown", says };
  }
  return collects
    ? { ...part, health: "Good", says: "Answers in this process." }
    : { ...part, health: "Unknown", says: "This pipeline takes no activity over HTTP." };
}

function consumer({ state: { consumer }, samples, now }: PartsInput): Part {
  const part = { name: "Consumer", does: "checks, enriches, stores and attributes" };
  if (consumer === null) {
    const last = samples.findLast(({ events }) => events > 0);
    if (last === undefined) {
      const says = "Runs in pods of its own. No event has come from it since this page began to measure.";
      return { ...part, health: "Unknown", says, facts: [] };
    }
    const says = `Runs in pods of its own; an event that it accepted came ${ago(last.at * 1_000, now)}.`;
    return { ...part, health: now - last.at * 1_000 < 60_000 ? "Good" : "Unknown", says, facts: [] };
  }
  const { lag, stored, deadLetters, problem, freshnessMilliseconds } = consumer;
  const facts: Part["facts"] = [
    ["Waiting in the log", lag === null ? "not known" : counted(lag, "record")],
    ["Stored since its start", counted(stored, "event")],
    ["Not accepted", counted(deadLetters, "record")],
    ...(freshnessMilliseconds === null ? [] : [["Log to table", duration(freshnessMilliseconds)] as const]),
  ];
  if (consumer.state === "Failed" || consumer.state === "Stopped") {
    return { ...part, health: "Bad", says: problem ?? `It has ended (${consumer.state}): start it again.`, facts };
  }
  if (problem !== undefined) return { ...part, health: "Attention", says: problem, facts };
  return {
    ...part,
    health: "Good",
    says: lag === 0 ? "All that is in the log is stored." : "Reads and stores.",
    facts,
  };
}

function store(state: StoreState): Part {
  const part = { name: "ClickHouse", does: "keeps events, items and models" };
  if ("error" in state) return { ...part, health: "Bad", says: `It does not answer: ${state.error}`, facts: [] };
  const { events, diskFree, diskSize, openDeadLetters } = state;
  const facts: Part["facts"] = [
    ["Events", count(events)],
    ["Open dead letters", count(openDeadLetters)],
    ["Disk free", `${bytes(diskFree)} of ${bytes(diskSize)}`],
  ];
  const isFull = diskSize > 0 && diskFree / diskSize < FULL_SHARE;
  return isFull
    ? { ...part, health: "Attention", says: "Its disk is nearly full: make it larger, or set retentionDays.", facts }
    : { ...part, health: "Good", says: "Answers.", facts };
}

function trainer({ state: { training }, trained, now }: PartsInput): Part {
  const part = { name: "Trainer", does: "trains models and judges them" };
  const newest = trained === undefined ? "not known" : trained.at === null ? "none yet" : ago(trained.at, now);
  const model: Part["facts"] = [["Newest model", newest]];
  if (training === null) return { ...part, ...elsewhere(trained), facts: model };
  const { running, nextRunAt, lastResult } = training;
  const facts: Part["facts"] = [
    ...model,
    ["Last run", lastResult ?? "none since the start"],
    ["Next run", nextRunAt === null ? "suspended" : ago(Date.parse(nextRunAt), now)],
  ];
  if (running) return { ...part, health: "Good", says: "A run is under way.", facts };
  if (lastResult === "Failed") {
    return { ...part, health: "Bad", says: "The last run failed: the models page has the reasons.", facts };
  }
  if (lastResult === "NotEnoughData") {
    return {
      ...part,
      health: "Attention",
      says: "There was not enough activity to train on (training.minEvents).",
      facts,
    };
  }
  return { ...part, health: "Good", says: "Waits for its next run.", facts };
}

/** A Job of its own leaves versions behind when it ends well enough to record them; how it ended the operator knows. */
function elsewhere(trained: Trained | undefined): Pick<Part, "health" | "says"> {
  const job = "Runs as a Job of its own";
  const failed = trained?.failed ?? null;
  if (failed !== null) {
    const health = trained?.isFruitless ? "Bad" : "Attention";
    return { health, says: `${job}. Its last run could not train ${failed.version}: ${failed.reason}` };
  }
  const published = trained?.at === null ? "it has not published a model yet" : "none of its last versions failed";
  const known = trained === undefined ? "what it did last is not known while ClickHouse is away" : published;
  return { health: "Unknown", says: `${job}; ${known}. How its runs end stands in status.training of the resource.` };
}

function recommender({ state: { recommender }, samples }: PartsInput): Part {
  const part = { name: "Recommender", does: "answers from memory" };
  const { waitingFor, models, refused, catalogue, actors, signals, error, latencyMilliseconds } = recommender;
  const facts: Part["facts"] = [
    ["Answers users", models.champion?.algorithm ?? "no model yet"],
    ["Answer, 99th percentile", latencyMilliseconds === null ? "nobody asked lately" : latency(latencyMilliseconds)],
    ["Items", `${count(catalogue.items)}${catalogue.hidden > 0 ? `, ${count(catalogue.hidden)} hidden` : ""}`],
    ["Users in memory", `${count(actors.count)} (${bytes(actors.bytes)})`],
  ];
  if (waitingFor.length > 0) {
    return { ...part, health: "Attention", says: `Waits for ${waitingFor.join(", ")}.`, facts };
  }
  const fault = error ?? signals.error;
  if (fault !== null) return { ...part, health: "Bad", says: fault, facts };
  const [broken] = refused;
  if (broken !== undefined) {
    return { ...part, health: "Attention", says: `Refuses ${broken.version}: ${broken.reason}`, facts };
  }
  if (models.champion === undefined) {
    return {
      ...part,
      health: "Attention",
      says: "No model answers users yet: they get what is popular or new.",
      facts,
    };
  }
  // Where nothing new comes, how long the last one took is past.
  const { freshnessMilliseconds } = summary(samples, PRESENT_SECONDS) ?? signals;
  if (freshnessMilliseconds !== null && freshnessMilliseconds > FRESH_MILLISECONDS) {
    const says = `What happened last took ${duration(freshnessMilliseconds)} to reach answers.`;
    return { ...part, health: "Attention", says, facts };
  }
  return { ...part, health: "Good", says: "Answers, and takes new activity in.", facts };
}

/** Below a millisecond, too. */
export function latency(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : duration(milliseconds);
}
