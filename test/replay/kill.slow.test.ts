import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SEED_TOPICS } from "../../services/activity/index.ts";
import { openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import { RECORD_ID_HEADER } from "../../services/activity-log/index.ts";
import { Random } from "../../services/simulation/random.ts";
import { runWell, start } from "./program.ts";
import { type Fingerprint, fingerprints, query } from "./tables.ts";

const FOLDERS = 4;
const KILLS_IN_EACH = 5;
const EVENTS = 40_000;
/** One line in so many is no activity. */
const BROKEN_EVERY = 500;
/**
 * Of the log when the first kill comes. A batch of the replay takes some 1.1 MB, written as one transaction after the
 * other: with fewer bytes the first of them may not have ended, and rightly nothing would be there.
 */
const LOGGED_BYTES = 3_000_000;

let folder: string;
let file: string;
/** The second line of it, in a file of its own. */
let oneRecord: string;
let undisturbed: Record<string, Fingerprint>;
/** Of the whole process, from its start. */
let milliseconds: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-kill-"));
  const simulated = join(folder, "simulated.jsonl");
  await runWell("simulate", "--events", String(EVENTS), "--seed", "11", "--out", simulated);
  file = join(folder, "activity.jsonl");
  const lines = readFileSync(simulated, "utf8").trimEnd().split("\n");
  const broken = lines.flatMap((line, index) => (index % BROKEN_EVERY === 0 ? [line.slice(0, 40), line] : [line]));
  writeFileSync(file, broken.join("\n"));
  oneRecord = join(folder, "one-record.jsonl");
  writeFileSync(oneRecord, broken[1]!);

  const dataDir = join(folder, "undisturbed");
  const started = performance.now();
  await runWell("replay", file, "--data-dir", dataDir);
  milliseconds = performance.now() - started;
  undisturbed = await fingerprints(dataDir);
  const [[found] = []] = await query<{ found: number }>(dataDir, [
    "SELECT toUInt32(countIf(first_touch.2 != '')) AS found FROM attributed_checkouts FINAL",
  ]);
  expect(undisturbed).toMatchObject({ events: { rows: EVENTS }, dead_letters: { rows: EVENTS / BROKEN_EVERY } });
  expect(undisturbed.touches!.rows).toBeGreaterThan(EVENTS / 2);
  expect(found!.found).toBeGreaterThan(200);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The moments of all kills, spread over the whole of a run; each folder gets some of its beginning and some of its end. */
const random = new Random(20_240_517);
const moments = Array.from(
  { length: FOLDERS * KILLS_IN_EACH },
  (_, index) => (index + random.uniform()) / (FOLDERS * KILLS_IN_EACH),
);

it.each(
  Array.from({ length: FOLDERS }, (_, number) => ({
    shares: moments.filter((_, index) => index % FOLDERS === number),
  })),
)(
  "killed at $shares of a run, and started again each time, a replay leaves the tables of an undisturbed one",
  async ({ shares }) => {
    const dataDir = mkdtempSync(join(folder, "killed-"));
    for (const [kill, share] of inTheMiddleFirst(shares).entries()) {
      if (kill > 0) await killDuringReplay(dataDir, share * milliseconds);
      else {
        await killOnceLogged(dataDir);
        await expectNothingLost(dataDir);
      }
    }
    await runWell("replay", file, "--data-dir", dataDir);
    expect(await fingerprints(dataDir)).toEqual(undisturbed);
    rmSync(dataDir, { recursive: true });
  },
);

/** The first comes while records are under way; kills at the beginning and the end follow on what that left. */
function inTheMiddleFirst(shares: readonly number[]): number[] {
  return shares.toSorted((a, b) => Math.abs(a - 0.6) - Math.abs(b - 0.6));
}

/** What was in the log is stored by a start that sends nothing of it again (but one record that needs no storing). */
async function expectNothingLost(dataDir: string): Promise<void> {
  await runWell("replay", oneRecord, "--data-dir", dataDir);
  const [[stored] = []] = await query<{ records: number }>(dataDir, [
    "SELECT toUInt32((SELECT count() FROM events FINAL) + (SELECT count() FROM dead_letters FINAL)) AS records",
  ]);
  const logged = await loggedRecords(dataDir);
  expect(logged.size).toBeGreaterThan(1);
  expect(stored).toEqual({ records: logged.size });
}

/** Rows of the file whose records are in the log. */
async function loggedRecords(dataDir: string): Promise<Set<string>> {
  const log = await openEmbeddedLog({ path: join(dataDir, "log") });
  try {
    const topics = SEED_TOPICS.map(({ name }) => name);
    const tail = await log.subscribe({ group: null, topics, startFrom: "Earliest" });
    // `oneRecord` is this row of the file.
    const rows = new Set(["2"]);
    for (;;) {
      const records = await tail.poll({ maxRecords: 50_000, maxBytes: 2 ** 28, waitMilliseconds: 0 });
      if (records.length === 0) return rows;
      for (const { headers } of records) {
        const [name, row] = headers[RECORD_ID_HEADER]!.split("#");
        if (name === "activity.jsonl") rows.add(row!);
      }
    }
  } finally {
    await log.close();
  }
}

/** However long the start takes on this machine: as soon as the log has more than two batches' worth of bytes. */
async function killOnceLogged(dataDir: string): Promise<void> {
  const { child, ended } = start("replay", file, "--data-dir", dataDir);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && loggedBytes(dataDir) < LOGGED_BYTES) await delay(5);
  child.kill("SIGKILL");
  const { code, errors } = await ended;
  if (code !== null && code !== 0) throw new Error(`the replay failed before it was killed: ${errors}`);
}

function loggedBytes(dataDir: string): number {
  const log = join(dataDir, "log");
  if (!existsSync(log)) return 0;
  // A journal may be gone by the time its size is asked for.
  const sizes = readdirSync(log).map((name) => statSync(join(log, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A run that was quicker than expected is over before its moment: the next one is killed sooner. */
async function killDuringReplay(dataDir: string, moment: number): Promise<void> {
  const { child, ended } = start("replay", file, "--data-dir", dataDir);
  await Promise.race([delay(moment), ended]);
  child.kill("SIGKILL");
  const { signal, code, errors } = await ended;
  if (signal === "SIGKILL") return;
  if (code !== 0) throw new Error(`the replay failed before it was killed: ${errors}`);
  await killDuringReplay(dataDir, moment * 0.7);
}
