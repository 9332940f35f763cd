/** Collector and consumer as processes, on a real broker. */
import { randomBytes } from "node:crypto";
import type { OutgoingRecord } from "../../../services/activity-log/index.ts";
import { shopActivity, take } from "../ingest/activity.ts";
import { trackBody } from "../ingest/bodies.ts";
import { consumeTopic } from "../ingest/consumer-rate.ts";
import { cpuSeconds, MEASURED_CORES, OTHER_CORES, pidOf, pin } from "../ingest/processes.ts";
import type { Rig } from "../ingest/rig.ts";
import { underLoad } from "../load.ts";
import type { Row } from "../row.ts";
import { environmentOf, inRounds, rowsOf, VARIANTS, type Variant } from "./variants.ts";

const CONNECTIONS = 50;
const BODIES = 100;

export async function benchCollector(
  rig: Rig,
  receiver: string,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Row[]> {
  let starting: Variant = "off";
  const pipeline = await rig.pipeline("traces", [], () => environmentOf(starting, receiver));
  const collectors = new Map<Variant, { readonly url: string; readonly pid: number }>();
  for (const variant of VARIANTS) {
    starting = variant;
    const collector = pipeline.role("collector");
    const url = await collector.address;
    await pin(pidOf(collector.child), MEASURED_CORES);
    collectors.set(variant, { url, pid: pidOf(collector.child) });
  }
  const activity = shopActivity(2);
  const bodies = Array.from({ length: BODIES }, () => trackBody(take(activity, 1)));
  const measure = async (variant: Variant, duration: number) => {
    const { url, pid } = collectors.get(variant) ?? { url: "", pid: 0 };
    const load = { url, paths: ["/v1/track"], connections: CONNECTIONS, seconds: duration, bodies };
    const before = cpuSeconds(pid);
    const { requests } = await underLoad(load, (loader) => pin(loader, OTHER_CORES));
    return ((cpuSeconds(pid) - before) * 1e6) / requests;
  };
  try {
    for (const variant of VARIANTS) await measure(variant, 2);
    const costs = await inRounds(rounds, (variant) => measure(variant, seconds));
    return rowsOf("collector, /v1/track: CPU time", "µs/request", costs);
  } finally {
    await pipeline.remove();
  }
}

/** Topics of the same activity: what the collector writes at each variant. */
export async function benchConsumer(
  rig: Rig,
  receiver: string,
  { rounds, events }: { readonly rounds: number; readonly events: number },
): Promise<Row[]> {
  const topics = new Map<Variant, string>();
  const every: Readonly<Record<Variant, number>> = {
    off: Number.POSITIVE_INFINITY,
    none: Number.POSITIVE_INFINITY,
    tenth: 10,
    all: 1,
  };
  for (const variant of VARIANTS) {
    topics.set(variant, await rig.fill(shopActivity(1), events, recorded(every[variant])));
  }
  const measure = async (variant: Variant) => {
    const environment = environmentOf(variant, receiver);
    const loop = await consumeTopic(rig, topics.get(variant) ?? "", events, environment);
    return (loop.cpuSeconds * 1e6) / events;
  };
  return rowsOf("consumer: CPU time", "µs/event", await inRounds(rounds, measure));
}

/** One of so many names the span that sent it, each of a trace of its own: an event a request. */
function recorded(every: number): (record: OutgoingRecord) => OutgoingRecord {
  let number = 0;
  return (record) => {
    number += 1;
    if (number % every !== 0) return record;
    const traceparent = `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;
    return { ...record, headers: { ...record.headers, traceparent } };
  };
}
