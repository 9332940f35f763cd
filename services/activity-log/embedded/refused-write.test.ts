import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openEmbeddedLog } from "./index.ts";

const CHILD = fileURLToPath(new URL("../../../test/activity-log/append-beyond-limit.ts", import.meta.url));

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "activity-log-"));
});
afterEach(() => rmSync(path, { recursive: true }));

it("an append that the system refuses to write leaves nothing, and later ones work", async () => {
  // In units of 512 or 1,024 bytes, by shell: 8 or 16 MiB.
  const limited = `ulimit -S -f 16384; exec "$0" "$@"`;
  const outcomes = execFileSync("sh", ["-c", limited, process.execPath, CHILD, path], { encoding: "utf8" });
  expect(JSON.parse(outcomes)).toEqual([null, "io_error", null]);

  const log = await openEmbeddedLog({ path });
  const tail = await log.subscribe({ group: null, topics: ["activity"], startFrom: "Earliest" });
  const records = await tail.poll({ maxRecords: 100, maxBytes: 1e9, waitMilliseconds: 0 });
  expect(records.map(({ key, offset }) => [key, offset])).toEqual([
    ["before", 0],
    ["after", 1],
  ]);
  await log.close();
});

it("says that a file is no log", async () => {
  writeFileSync(join(path, "activity-log.sqlite"), "this is not a database, however long one looks at it".repeat(100));
  await expect(openEmbeddedLog({ path })).rejects.toMatchObject({ code: "corrupt" });
});

it("leaves a file of a newer version alone, and frees the folder", async () => {
  const file = join(path, "activity-log.sqlite");
  const newer = new DatabaseSync(file);
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  const refused = { code: "newer_format", message: expect.stringContaining("format 99") };
  await expect(openEmbeddedLog({ path })).rejects.toMatchObject(refused);
  await expect(openEmbeddedLog({ path })).rejects.toMatchObject(refused);
});
