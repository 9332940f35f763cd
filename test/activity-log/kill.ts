/**
 * Kills a process that appends, at random moments, and checks after each restart that the log kept its word.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";
import { GROUP, type Marker, TOPIC } from "./append-until-killed.ts";

const CHILD = fileURLToPath(new URL("./append-until-killed.ts", import.meta.url));
const EVERYTHING = { maxRecords: 100_000, maxBytes: 2 ** 30, waitMilliseconds: 0 };

interface Acknowledged {
  readonly appends: Set<string>;
  /** By partition, of the latest run. */
  readonly commits: Map<number, number>;
}

/** @returns how many appends were acknowledged over all runs */
export async function killWhileAppending(kills: number, random: () => number): Promise<number> {
  const path = mkdtempSync(join(tmpdir(), "activity-log-kill-"));
  try {
    const acknowledged: Acknowledged = { appends: new Set(), commits: new Map() };
    for (let kill = 0; kill < kills; kill++) {
      await appendAndKill(path, `run${kill}`, acknowledged, random);
      await checkLog(path, acknowledged);
    }
    return acknowledged.appends.size;
  } finally {
    rmSync(path, { recursive: true });
  }
}

async function appendAndKill(path: string, run: string, acknowledged: Acknowledged, random: () => number) {
  const child = spawn(process.execPath, [CHILD, path, run], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  const enough = 1 + Math.floor(random() * 60);
  let lines = 0;
  for await (const line of createInterface(child.stdout)) {
    const [what, first, second] = line.split(" ");
    if (what === "append") acknowledged.appends.add(first!);
    else acknowledged.commits.set(Number(first), Number(second));
    if (++lines === enough) void delay(random() * 10).then(() => child.kill("SIGKILL"));
  }
  expect(await ended).toBe("SIGKILL");
}

async function checkLog(path: string, { appends, commits }: Acknowledged): Promise<void> {
  const log = await openEmbeddedLog({ path });
  try {
    const tail = await log.subscribe({ group: null, topics: [TOPIC], startFrom: "Earliest" });
    const ends = new Map<number, number>();
    const found = new Map<string, Marker[]>();
    for (let records = await tail.poll(EVERYTHING); records.length > 0; records = await tail.poll(EVERYTHING)) {
      for (const { partition, offset, value } of records) {
        expect(offset).toBe(ends.get(partition) ?? 0);
        ends.set(partition, offset + 1);
        const marker: Marker = JSON.parse(new TextDecoder().decode(value));
        found.set(marker.append, [...(found.get(marker.append) ?? []), marker]);
      }
    }
    for (const markers of found.values()) {
      const indices = markers.map((marker) => marker.index).sort((a, b) => a - b);
      expect(indices).toEqual(Array.from({ length: markers[0]!.count }, (_, index) => index));
    }
    expect([...appends].filter((append) => !found.has(append))).toEqual([]);

    const group = await log.subscribe({ group: GROUP, topics: [TOPIC], startFrom: "Earliest" });
    for (const { partition, offset, endOffset } of await group.lag()) {
      expect(endOffset).toBe(ends.get(partition) ?? 0);
      expect(offset).toBeGreaterThanOrEqual(commits.get(partition) ?? 0);
    }
  } finally {
    await log.close();
  }
}
