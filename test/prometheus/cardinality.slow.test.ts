/** However many users and items there are, and whatever they are called: the series stay those of the first moment. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningLocal } from "../../services/local/index.ts";
import { type Quickstart, startQuickstart } from "../fixtures/quickstart.ts";
import { letIn } from "./crowd.ts";
import { track } from "./shop.ts";

const USERS = 1_000_000;
const ITEMS = 100_000;
const MAX_BYTES = 200_000;

/** What breaks a line of metrics, a label, or a reader of either. */
const HOSTILE = [
  '"',
  "\\",
  "\n# TYPE x counter",
  '",x="',
  "} 1",
  '{le="+Inf"}',
  "é𝄞",
  "__name__",
  "../../metrics",
  " ",
];

/** Looked up from time to time. */
const LATER = ["productmatcher_open_dead_letters", "productmatcher_clickhouse_disk_free_bytes"];

describe("the metrics of a whole pipeline", () => {
  let quickstart: Quickstart;
  let local: RunningLocal;

  beforeAll(async () => {
    // A model that is published in between, every half hour, brings series of its own.
    quickstart = await startQuickstart(null, { suspended: true });
    local = quickstart.local;
  }, 240_000);
  afterAll(() => quickstart?.close());

  const metrics = async () => (await fetch(`${local.address}/metrics`)).text();
  const series = async () =>
    (await metrics())
      .split("\n")
      // Of Node's own collections of garbage, the kinds appear one by one.
      .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("nodejs_gc_"))
      .map((line) => line.slice(0, line.lastIndexOf(" ")))
      .toSorted();
  /** Every kind of question once, with good and with bad answers. */
  const everyKind = async (user: string, item: string) => {
    const id = encodeURIComponent(user);
    const base = `${local.address}/v1/recommendations`;
    const asked = [
      `users/${id}`,
      `items/${encodeURIComponent(item)}/similar`,
      "popular",
      "trending",
      `${id}`,
      "popular?x=1",
    ];
    const answers = asked.map((path) => fetch(`${base}/${path}`));
    const json = { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${id}` } };
    const posted = [
      fetch(`${base}/session`, { ...json, body: JSON.stringify({ items: [item] }) }),
      fetch(`${base}/session`, { ...json, body: JSON.stringify({ items: user }) }),
      fetch(`${local.address}/v1/${id}`, { ...json, body: "{}" }),
      track(local.address, { event: "view", userId: user, itemId: item }),
      track(local.address, { event: user === "" ? "view" : user, userId: user, itemId: item }),
      track(local.address, { event: "view" }),
    ];
    for (const answer of await Promise.all([...answers, ...posted])) await answer.arrayBuffer();
  };

  /** Every user sends an event; one of five hundred asks, since each asking stranger is a look-up in ClickHouse. */
  test("grow with no user, item, event name, path or key, and stay small", async () => {
    await everyKind("ann", "teapot");
    // What comes with time and with any load, such as partitions, is there before strangers are.
    await letIn(local, { users: 2_000, items: 200 });
    await local.pipeline.consumer().caughtUp();
    await everyKind("bob", "kettle");
    await expect
      .poll(series, { timeout: 60_000 })
      .toEqual(expect.arrayContaining(LATER.map((name) => expect.stringContaining(name))));
    const before = await series();

    for (const [index, hostile] of HOSTILE.entries()) await everyKind(`${hostile}${index}`, `${index}${hostile}`);
    await letIn(local, { users: USERS, items: ITEMS });
    const [row] = await local.pipeline.clickhouse.query<{ users: string; items: string }>(
      "SELECT uniqExact(user_id) AS users, uniqExact(item_id) AS items FROM events",
    );
    expect(Number(row?.users)).toBeGreaterThanOrEqual(USERS);
    expect(Number(row?.items)).toBeGreaterThanOrEqual(ITEMS);
    const added = (await series()).filter((line) => !before.includes(line));
    expect(added).toEqual([]);
    expect((await metrics()).length).toBeLessThan(MAX_BYTES);
  }, 1_200_000);
});
