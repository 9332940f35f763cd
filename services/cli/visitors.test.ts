import { afterEach, beforeEach, expect, it } from "vitest";
import { ENTITIES_TOPIC, recordsOf, startCollector, type TestCollector } from "../../test/fixtures/collector.ts";
import { temporaryLog } from "../../test/fixtures/recommender.ts";
import type { EmbeddedLog } from "../activity-log/embedded/index.ts";
import { createShop } from "../simulation/index.ts";
import { sendVisitors } from "./visitors.ts";

const OPENING = Date.UTC(2026, 0, 5, 12);
const DAY = 86_400_000;

let log: EmbeddedLog;
let collector: TestCollector;
/** Answers to requests to come, before the collector sees them; `null`: it does. */
let refusals: (number | null)[];

beforeEach(async () => {
  refusals = [];
  log = await temporaryLog();
  collector = await startCollector({
    log,
    before(_request, response, next) {
      const status = refusals.shift() ?? null;
      if (status === null) next();
      else response.status(status).end("not now");
    },
  });
});
afterEach(async () => {
  await collector.close();
  await log.close();
});

/** Lets the shop run for `milliseconds` of its own time after its opening. */
async function send(milliseconds: number, url = collector.address): Promise<string[]> {
  const shop = createShop({ seed: 1, items: 30, shoppers: 20, start: Date.UTC(2026, 0, 1) });
  const stopping = new AbortController();
  const said: string[] = [];
  let looks = 0;
  const now = () => {
    looks += 1;
    if (looks > 30) stopping.abort();
    return OPENING + (looks === 1 ? 0 : milliseconds);
  };
  const say = (line: string) => void said.push(line);
  await sendVisitors({ shop, url, historyDays: 2, eventsPerSecond: 10, now, say }, stopping.signal);
  return said;
}

it("sends the catalogue, the days before, and who comes now", async () => {
  await send(1_000);
  const items = await recordsOf(log, ENTITIES_TOPIC);
  expect(new Set(items.map(({ key }) => key)).size).toBeGreaterThanOrEqual(30);
  const times = (await recordsOf(log)).map(({ body }) => new Date(body.occurredAt).getTime());
  const history = times.filter((time) => time < OPENING);
  expect(history.length).toBeGreaterThan(100);
  expect(Math.min(...history)).toBeGreaterThanOrEqual(OPENING - 2 * DAY);
  expect(times.filter((time) => time >= OPENING).length).toBeGreaterThanOrEqual(10);
});

it("sends the same history when it begins again, so that it counts once", async () => {
  const ids = async () => {
    const past = (await recordsOf(log)).filter(({ body }) => new Date(body.occurredAt).getTime() < OPENING);
    return past.map(({ body }) => body.eventId as string);
  };
  await send(0);
  const once = await ids();
  await send(0);
  const twice = await ids();
  expect(once.length).toBeGreaterThan(100);
  expect(twice).toHaveLength(once.length * 2);
  expect(new Set(twice)).toEqual(new Set(once));
});

it("waits for a collector that asks for time, and loses nothing", async () => {
  refusals = [429, 503, null, 503];
  const said = await send(0);
  expect(said.map((line) => / answered (\d+)/.exec(line)?.[1]).filter(Boolean)).toEqual(["429", "503", "503"]);
  expect((await recordsOf(log)).length).toBeGreaterThan(100);
});

it("ends with what a collector says that refuses", async () => {
  refusals = [401];
  await expect(send(0)).rejects.toThrow(`${collector.address}/v1/items answered 401: not now`);
});
