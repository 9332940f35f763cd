import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { silent } from "../../test/fixtures/consumer.ts";
import { type Ended, type Program, run, runWell, start } from "../../test/replay/program.ts";
import { lockFolder } from "../activity-log/embedded/index.ts";
import { type RunningLocal, runLocal } from "../local/index.ts";
import { parseResource } from "./resource.ts";

const RESOURCE = `
apiVersion: productmatcher.dev/v1alpha1
kind: RecommenderPipeline
metadata: { name: shop }
spec:
  source:
    kafka: { bootstrapServers: [kafka:9092] }
    topics:
      - name: orders
        event: purchase
        mapping:
          forEach: lines
          fields: { eventId: /order, userId: /buyer, itemId: sku, properties.note: /note }
          occurredAt: { path: /at, format: EpochSeconds, timeZone: Etc/UTC }
  sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: clickhouse } } } }
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-cli-replay-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

/** A click each, at its number of seconds after the first of January 2024. */
function clicks(...seconds: readonly number[]): string[] {
  return seconds.map((second, index) => {
    const at = new Date(Date.UTC(2024, 0, 1) + second * 1_000).toISOString().replace("T", " ").replace("Z", "");
    return JSON.stringify({ click_id: `c${index}`, user_id: `u${index % 9}`, product_id: "p", datetime_occured: at });
  });
}

/** A replay that would take days, if nobody stopped it. */
function startSlow(...parameters: readonly string[]): Program {
  const program = start("replay", ...parameters, "--speed", "1", "--json");
  onTestFinished(() => void program.child.kill("SIGKILL"));
  return program;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(20);
}

/** Of a log that another process has open. */
function recordsInLog(dataDir: string, topic: string): number {
  try {
    const database = new DatabaseSync(join(dataDir, "log", "activity-log.sqlite"), { readOnly: true });
    try {
      const row = database.prepare("SELECT sum(end_offset) AS records FROM partition WHERE topic = ?").get(topic);
      return Number(row?.records);
    } finally {
      database.close();
    }
  } catch {
    // It has not come as far as to make the file, or the table.
    return 0;
  }
}

const DAY = 86_400;
const SOON = 2_000;
/** So many clicks at once, and then some a day later. */
const TWO_DAYS = clicks(...Array<number>(SOON).fill(0), DAY, DAY, DAY);

function expectStopped({ code, output, errors }: Ended): void {
  expect(errors).toContain("Stopping: what was sent is stored first.");
  expect(code).toBe(130);
  expect(JSON.parse(output)).toMatchObject({
    records: SOON,
    left: 3,
    topics: [
      { topic: "checkouts", events: 0, deadLetters: 0 },
      { topic: "clicks", events: SOON, deadLetters: 0 },
    ],
  });
}

describe("into a folder", () => {
  it("says what has become of the records, for people too", async () => {
    const path = file("few.jsonl", [...clicks(1, 2, 3), "{"]);
    const said = await runWell("replay", path, "--data-dir", join(folder, "few"));
    expect(said).toMatch(/^4 records in [\d.]+ s \([\d,]+ a second\)\.\n/);
    expect(said).toMatch(/clicks +3 +1\n/);
    expect(said).not.toContain("left");
  });

  it("stores what was sent when it is stopped, says what is left, and sends that the next time", async () => {
    const path = file("two-days.jsonl", TWO_DAYS);
    const dataDir = join(folder, "stopped");
    const { child, ended } = startSlow(path, "--data-dir", dataDir);
    await until(() => recordsInLog(dataDir, "clicks") === SOON);
    child.kill("SIGINT");
    expectStopped(await ended);
    expect(JSON.parse(await runWell("replay", path, "--data-dir", dataDir, "--json"))).toMatchObject({
      records: SOON + 3,
      left: 0,
      topics: [{ events: 0 }, { topic: "clicks", events: SOON + 3 }],
    });
  });
});

describe("into a running pipeline", () => {
  let dataDir: string;
  let local: RunningLocal;

  beforeAll(async () => {
    dataDir = join(folder, "running");
    local = await runLocal({
      pipeline: parseResource(RESOURCE, "the test's resource"),
      resourceText: RESOURCE,
      dataDir,
      host: "127.0.0.1",
      port: 0,
      simulation: null,
      logger: silent,
      now: Date.now,
      onProgress: () => {},
    });
  });

  afterAll(() => local.close());

  async function replay(...parameters: readonly string[]): Promise<unknown> {
    return JSON.parse(await runWell("replay", ...parameters, "--data-dir", dataDir, "--json"));
  }

  it("sends CSV, a second time without effect", async () => {
    const rows = Array.from({ length: 2_500 }, (_, row) => `${1_704_067_200 + row},${row % 40},view,${row % 90}`);
    const path = file("events.csv", ["timestamp_s,user,event,item", ...rows, "no,such,row"]);
    const summary = { left: 0, topics: [{ topic: "retailrocket", events: 2_500, deadLetters: 1 }] };
    expect(await replay(path)).toMatchObject(summary);
    expect(await replay(path)).toMatchObject(summary);
  });

  it("sends JSON lines of a topic of the resource, one of 10 MB among them", async () => {
    const order = (number: number, note = "") =>
      JSON.stringify({ order: number, buyer: "ann", at: 1_704_067_200, note, lines: [{ sku: "a" }, { sku: "b" }] });
    const path = file("orders.txt", [order(1), order(2, "x".repeat(10_000_000)), order(3), "not JSON"]);
    const { records, topics } = (await replay(path, "--topic", "orders")) as {
      records: number;
      topics: { topic: string; events: number; deadLetters: number }[];
    };
    const [[stored] = []] = [
      await local.pipeline.clickhouse.query<{ orders: string[] }>(
        "SELECT arraySort(groupUniqArray(splitByChar('#', event_id)[1])) AS orders FROM activity WHERE topic = 'orders'",
      ),
    ];
    expect(records).toBe(4);
    expect(stored!.orders).toEqual(expect.arrayContaining(["1", "3"]));
    expect(topics).toHaveLength(1);
    expect(stored!.orders.length + topics[0]!.deadLetters).toBe(4);
  });

  it("is stopped like one into a folder", async () => {
    const path = file("two-days-running.jsonl", TWO_DAYS);
    const { child, ended } = startSlow(path, "--url", local.address);
    await until(async () => {
      const [row] = await local.pipeline.clickhouse.query<{ stored: number }>(
        "SELECT toUInt32(count()) AS stored FROM activity WHERE topic = 'clicks'",
      );
      return row?.stored === SOON;
    });
    child.kill("SIGINT");
    expectStopped(await ended);
  });

  it("takes no resource of its own", async () => {
    const resource = file("resource.yaml", [RESOURCE]);
    const path = file("clicks.jsonl", clicks(1));
    const { code, errors } = await run("replay", path, "--data-dir", dataDir, "--file", resource);
    expect([code, errors]).toEqual([2, expect.stringContaining("leave out --file")]);
  });
});

describe("says what to do about", () => {
  it.each([
    ["a file that is not there", () => join(folder, "absent.csv"), [], "no such file"],
    ["an unknown layout", () => file("other.csv", ["a,b", "1,2"]), [], "unknown layout: it begins with a,b"],
    ["Parquet that is none", () => file("broken.parquet", ["PAR1 and nothing more"]), [], "cannot be read as such"],
    ["an unknown topic", () => file("c.jsonl", clicks(1)), ["--topic", "order"], "has no topic order; it has none"],
  ] as const)("%s", async (_, path, options, message) => {
    const { code, errors } = await run("replay", path(), ...options, "--data-dir", join(folder, "errors"));
    expect(errors).toMatch(/^error: /);
    expect(errors).toContain(message);
    expect(errors).not.toContain("    at ");
    expect(code).toBe(2);
  });

  it("a folder whose process has no address, and never talks to another pipeline in its place", async () => {
    const held = join(folder, "held");
    const lock = lockFolder(held, { pid: 4_711 });
    const { code, errors } = await run("replay", file("d.jsonl", clicks(1)), "--data-dir", held);
    lock.release();
    expect([code, errors]).toEqual([1, expect.stringContaining("is held by process 4711, which can't be talked to")]);
  });

  it("a pipeline that does not answer", async () => {
    const path = file("e.jsonl", clicks(1));
    const { code, errors } = await run("replay", path, "--url", "http://127.0.0.1:9");
    expect([code, errors]).toEqual([1, expect.stringContaining("no pipeline answers at http://127.0.0.1:9")]);
  });
});
