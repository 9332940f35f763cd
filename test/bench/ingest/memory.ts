/** What a consumer keeps in memory while there is always more to read. */
import { setTimeout as sleep } from "node:timers/promises";
import { CONSUMER_ENVIRONMENT } from "../../../operator/pipeline/children/pod.ts";
import { median, type Row } from "../row.ts";
import { joined } from "./consumer-rate.ts";
import { MEASURED_CORES, OTHER_CORES, peakResidentBytes, pidOf, pin, residentBytes } from "./processes.ts";
import type { Production } from "./producer.ts";
import { startProgram } from "./programs.ts";
import type { Rig } from "./rig.ts";

const MEGABYTE = 1_048_576;
const SAMPLE_MILLISECONDS = 2_000;
const MOST_MEGABYTES = 350;
/** Of the later median over the earlier one; a heap is never quite still. */
const MOST_GROWTH_PERCENT = 5;
/** What the producer keeps ahead, so that the consumer never waits and the disk does not fill. */
const RECORDS_AHEAD = 150_000;

/** @param minutes at least 3, so that there are a second and a last one */
export async function benchMemory(rig: Rig, minutes: number): Promise<Row[]> {
  const pipeline = await rig.pipeline("memory");
  const { topic, group } = pipeline;
  const production: Production = {
    broker: rig.broker.plaintext,
    topic,
    seed: 3,
    ahead: { group, records: RECORDS_AHEAD },
  };
  const producer = await startProgram("producer.ts", [JSON.stringify(production)], OTHER_CORES);
  while ((await rig.lag(group, topic)) < RECORDS_AHEAD) await sleep(SAMPLE_MILLISECONDS);
  const environment = Object.fromEntries(CONSUMER_ENVIRONMENT.map(({ name, value }) => [name, value]));
  const consumer = pipeline.consume({ environment });
  const pid = pidOf(consumer.child);
  try {
    await pin(pid, MEASURED_CORES);
    await joined(consumer);
    const samples: { readonly minute: number; readonly bytes: number; readonly lag: number }[] = [];
    const started = performance.now();
    for (let elapsed = 0; elapsed < minutes * 60_000; elapsed = performance.now() - started) {
      const lag = await rig.lag(group, topic);
      samples.push({ minute: Math.floor(elapsed / 60_000), bytes: residentBytes(pid), lag });
      await sleep(SAMPLE_MILLISECONDS);
    }
    const of = (minute: number) =>
      median(samples.filter((sample) => sample.minute === minute).map(({ bytes }) => bytes)) / MEGABYTE;
    const [second, last] = [of(1), of(minutes - 1)];
    const [stored] = await pipeline.query<{ rows: string }>("SELECT count() AS rows FROM events");
    const peak = peakResidentBytes(pid) / MEGABYTE;
    return [
      { name: "consumer at full load: peak resident memory", value: peak, unit: "MiB", most: MOST_MEGABYTES },
      { name: "consumer at full load: resident memory in minute 2, median", value: second, unit: "MiB" },
      { name: `consumer at full load: resident memory in minute ${minutes}, median`, value: last, unit: "MiB" },
      {
        name: "growth between them",
        value: (last / second - 1) * 100,
        unit: "%",
        most: MOST_GROWTH_PERCENT,
      },
      { name: "stored meanwhile", value: Number(stored?.rows) / (minutes * 60), unit: "events/s" },
      { name: "least lag meanwhile", value: Math.min(...samples.map(({ lag }) => lag)), unit: "records" },
    ];
  } finally {
    producer.end();
    await consumer.stop();
    await pipeline.remove();
  }
}
