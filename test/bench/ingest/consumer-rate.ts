/**
 * One consumer process on one core, a bare kafkajs loop that only parses, and ClickHouse's own Kafka engine: all of them
 * read the same topic, in turn.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RoleProcess } from "../../fixtures/role-process.ts";
import type { TestedPipeline } from "../../kafka/pipeline.ts";
import { median, type Row } from "../row.ts";
import { shopActivity } from "./activity.ts";
import { type Loop, perCpuSecond, perSecond } from "./loop.ts";
import { cpuSeconds, MEASURED_CORES, pidOf, pin } from "./processes.ts";
import { startProgram } from "./programs.ts";
import type { Rig } from "./rig.ts";

const LOOK_MILLISECONDS = 50;
const TARGET = 0.5;

export interface ConsumerBenchOptions {
  /** In the topic. */
  readonly events: number;
  /** Each measures every reader once, in turn. */
  readonly rounds: number;
}

export async function benchConsumer(rig: Rig, { events, rounds }: ConsumerBenchOptions): Promise<Row[]> {
  const topic = await rig.fill(shopActivity(1), events);
  const bare: Loop[] = [];
  const own: Consumed[] = [];
  const engine: Loop[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await runLoop("bare-loop.ts", [rig.broker.plaintext, topic, String(events)]));
    own.push(await consumeTopic(rig, topic, events));
    engine.push(await readByEngine(rig, topic, events));
  }
  const of = (loops: readonly Loop[], figure: (loop: Loop) => number) => median(loops.map(figure));
  const against = (figure: (loop: Loop) => number) =>
    median(own.map((loop, round) => figure(loop) / figure(bare[round] ?? loop)));
  return [
    { name: "bare kafkajs loop that only parses", value: of(bare, perSecond), unit: "events/s" },
    { name: "bare kafkajs loop that only parses", value: of(bare, perCpuSecond), unit: "events/CPU s" },
    { name: "consumer", value: of(own, perSecond), unit: "events/s", ratio: against(perSecond), target: TARGET },
    {
      name: "consumer",
      value: of(own, perCpuSecond),
      unit: "events/CPU s",
      ratio: against(perCpuSecond),
      target: TARGET,
    },
    {
      name: "ClickHouse behind the consumer",
      value: median(own.map((loop) => loop.events / loop.clickhouseCpuSeconds)),
      unit: "events/CPU s",
    },
    { name: "ClickHouse's own Kafka engine, storing included", value: of(engine, perSecond), unit: "events/s" },
    { name: "ClickHouse's own Kafka engine, storing included", value: of(engine, perCpuSecond), unit: "events/CPU s" },
  ];
}

interface Consumed extends Loop {
  /** Of processor time in the ClickHouse that it stored into. */
  readonly clickhouseCpuSeconds: number;
}

/** From having joined the group until everything is committed, so stored: with tables of its own, that are empty. */
export async function consumeTopic(
  rig: Rig,
  topic: string,
  events: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Consumed> {
  const pipeline = await rig.pipeline("rate", [topic]);
  const consumer = pipeline.consume({ environment });
  const pid = pidOf(consumer.child);
  try {
    await pin(pid, MEASURED_CORES);
    await joined(consumer);
    const started = performance.now();
    const [before, beforeInClickHouse] = [cpuSeconds(pid), cpuSeconds(rig.front.pid())];
    while ((await rig.lag(pipeline.group, topic)) > 0) await sleep(LOOK_MILLISECONDS);
    const loop = {
      events,
      seconds: (performance.now() - started) / 1_000,
      cpuSeconds: cpuSeconds(pid) - before,
      clickhouseCpuSeconds: cpuSeconds(rig.front.pid()) - beforeInClickHouse,
    };
    await checkStored(pipeline, events);
    return loop;
  } finally {
    await consumer.stop();
    await pipeline.remove();
  }
}

async function readByEngine(rig: Rig, topic: string, events: number): Promise<Loop> {
  const folder = await mkdtemp(join(tmpdir(), "productmatcher-kafka-engine-"));
  try {
    return await runLoop("kafka-engine.ts", [rig.broker.plaintext, topic, String(events), folder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runLoop(program: string, words: readonly string[]): Promise<Loop> {
  const running = await startProgram(program, words, MEASURED_CORES);
  try {
    return JSON.parse(await running.firstLine) as Loop;
  } finally {
    running.end();
  }
}

/** @throws Error when the consumer ends before */
export async function joined({ lines, ended }: RoleProcess): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!lines.some(({ kind }) => kind === "rejoined")) {
    if (over) throw new Error("the consumer ended before it had joined its group");
    await sleep(LOOK_MILLISECONDS);
  }
}

async function checkStored(pipeline: TestedPipeline, events: number): Promise<void> {
  const [stored] = await pipeline.query<{ rows: string }>("SELECT uniqExact(event_id) AS rows FROM events");
  if (Number(stored?.rows) !== events) throw new Error(`${stored?.rows} of ${events} events are stored`);
}
