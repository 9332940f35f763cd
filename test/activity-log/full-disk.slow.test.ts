/** The embedded log on a disk that fills up while a shop sends: nothing acknowledged is lost, nothing counted twice. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EmbeddedLogError, openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import { startTestConsumer } from "../fixtures/consumer.ts";
import { activityOf } from "../fixtures/shop-activity.ts";
import { expectExact } from "../fixtures/verdict.ts";

const DISK_MEGABYTES = 64;
const SENT_AT_ONCE = 250;
/** Of the appends, in which the disk is full. */
const FULL_FROM = 0.3;
const FULL_FOR_MILLISECONDS = 3_000;

const mountable = process.platform === "linux" && process.getuid?.() === 0;
if (!mountable) {
  const missing = "the full-disk suite mounts a small file system: run it on Linux as root";
  if (process.env.CI === "true") throw new Error(missing);
  console.error(`not run: ${missing}`);
}

describe.skipIf(!mountable)("a full disk", () => {
  let disk: string;
  beforeAll(() => {
    disk = mkdtempSync(join(tmpdir(), "productmatcher-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m`, "tmpfs", disk]);
  });
  afterAll(() => {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true });
  });

  it("refuses appends, and what was refused can be sent again once there is room", async () => {
    const log = await openEmbeddedLog({ path: join(disk, "log") });
    const clickhouse = await migratedDatabase();
    const consumer = await startTestConsumer({ log, clickhouse });
    const sent = activityOf(77, 12_000);
    const filling = Math.floor(sent.records.length * FULL_FROM);
    const refusals: unknown[] = [];
    let freed = Promise.resolve();
    for (let at = 0; at < sent.records.length; at += SENT_AT_ONCE) {
      if (at <= filling && filling < at + SENT_AT_ONCE) {
        fill(disk);
        freed = sleep(FULL_FOR_MILLISECONDS).then(() => rmSync(join(disk, "ballast")));
      }
      const records = sent.records.slice(at, at + SENT_AT_ONCE);
      while (
        !(await log.append("shop.events", records).then(
          () => true,
          (error) => refusals.push(error) < 0,
        ))
      ) {
        await sleep(50);
      }
    }
    await freed;
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(EmbeddedLogError);
      expect(refusal).toMatchObject({ code: "disk_full", message: expect.stringMatching(/space|full/) });
    }
    await consumer.caughtUp();
    await consumer.close();
    await expectExact("full disk", sent, (sql) => clickhouse.query(sql));
    await log.close();
  });
});

/** To the last byte. */
function fill(disk: string): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, "ballast"), new Uint8Array(bavail * bsize));
}
