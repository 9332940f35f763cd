/** From a click being acknowledged to the first answer that takes it into account, over HTTP, in a running pipeline. */
import type { RunningLocal } from "../../services/local/index.ts";
import { startQuickstart } from "../fixtures/quickstart.ts";
import type { Row } from "./row.ts";

const GIVE_UP_MILLISECONDS = 10_000;

/** New users look at one item each, one after the other, while the simulated shop goes on. */
export async function benchFreshness(clicks: number): Promise<Row[]> {
  const { local, close } = await startQuickstart({ eventsPerSecond: 5, historyDays: 14 });
  try {
    const items = await similarItems(local);
    const milliseconds: number[] = [];
    for (let click = 0; click < clicks; click += 1) {
      milliseconds.push(await clickToAnswer(local.address, `bench-${click}`, items[click % items.length] ?? ""));
    }
    milliseconds.sort((a, b) => a - b);
    const at = (share: number) => milliseconds[Math.min(milliseconds.length - 1, Math.floor(share * clicks))] ?? 0;
    return [
      { name: `click to changed answer, median of ${clicks}`, value: at(0.5), unit: "ms" },
      { name: "click to changed answer, p99", value: at(0.99), unit: "ms" },
    ];
  } finally {
    await close();
  }
}

async function similarItems({ pipeline }: RunningLocal): Promise<string[]> {
  const rows = await pipeline.clickhouse.query<{ item_id: string }>(
    "SELECT DISTINCT item_id FROM model_neighbours ORDER BY item_id LIMIT 100",
  );
  return rows.map((row) => row.item_id);
}

async function clickToAnswer(address: string, user: string, item: string): Promise<number> {
  const tracked = await fetch(`${address}/v1/track`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ event: "view", userId: user, itemId: item }),
  });
  if (!tracked.ok) throw new Error(`the click was not accepted: ${tracked.status} ${await tracked.text()}`);
  await tracked.arrayBuffer();
  const acknowledged = performance.now();
  for (;;) {
    const response = await fetch(`${address}/v1/recommendations/users/${user}?limit=1`);
    const { items } = (await response.json()) as { items: { reason: { because?: string } }[] };
    const waited = performance.now() - acknowledged;
    if (items[0]?.reason.because === item) return waited;
    if (waited > GIVE_UP_MILLISECONDS) throw new Error(`the click on ${item} changed nothing within ${waited} ms`);
  }
}
