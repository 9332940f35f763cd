/** What a scrape costs once a million users and their items have passed, beside an address that says one word. */
import { startQuickstart } from "../fixtures/quickstart.ts";
import { type Crowd, letIn } from "../prometheus/crowd.ts";
import { median, type Row } from "./row.ts";

const MOST_BYTES = 200_000;
const MOST_MILLISECONDS = 20;

/** @param scrapes of each address, in turn */
export async function benchMetrics({ users, items, scrapes }: Crowd & { readonly scrapes: number }): Promise<Row[]> {
  const { local, close } = await startQuickstart(null);
  try {
    await letIn(local, { users, items });
    const metrics: number[] = [];
    const health: number[] = [];
    let bytes = 0;
    for (let scrape = 0; scrape < scrapes; scrape += 1) {
      health.push((await timed(`${local.address}/healthz`)).milliseconds);
      const scraped = await timed(`${local.address}/metrics`);
      metrics.push(scraped.milliseconds);
      bytes = scraped.bytes;
    }
    return [
      {
        name: `size of /metrics after ${users} users and ${items} items`,
        value: bytes,
        unit: "bytes",
        most: MOST_BYTES,
      },
      { name: "/healthz, median", value: median(health), unit: "ms" },
      {
        name: `/metrics, median of ${scrapes}`,
        value: median(metrics),
        unit: "ms",
        ratio: median(metrics) / median(health),
        most: MOST_MILLISECONDS,
      },
      {
        name: "/metrics, p99",
        value: p99(metrics),
        unit: "ms",
        ratio: p99(metrics) / p99(health),
        most: MOST_MILLISECONDS,
      },
    ];
  } finally {
    await close();
  }
}

async function timed(url: string) {
  const began = performance.now();
  const bytes = (await (await fetch(url)).arrayBuffer()).byteLength;
  return { bytes, milliseconds: performance.now() - began };
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
}
