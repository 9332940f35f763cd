import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LogFolderHeldError, lockFolder, readHolder } from "./index.ts";

const CHILD = fileURLToPath(new URL("../../../test/activity-log/hold-folder.ts", import.meta.url));

let path: string;
let child: ChildProcess | null = null;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "folder-lock-"));
});
afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(path, { recursive: true });
});

async function holdElsewhere(): Promise<ChildProcess> {
  child = spawn(process.execPath, [CHILD, path], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  return child;
}

it("makes the folder, holds it until released, and may then be taken again", () => {
  const folder = join(path, "a", "b");
  expect(readHolder(folder)).toBeNull();
  const lock = lockFolder(folder, { pid: process.pid });
  expect(readHolder(folder)).toEqual({ pid: process.pid });
  expect(() => lockFolder(folder, { pid: process.pid })).toThrow(LogFolderHeldError);
  lock.update({ pid: process.pid, address: "http://127.0.0.1:1" });
  expect(readHolder(folder)).toEqual({ pid: process.pid, address: "http://127.0.0.1:1" });
  lock.release();
  lock.release();
  expect(readHolder(folder)).toBeNull();
  lockFolder(folder, { pid: process.pid }).release();
});

it("names the other process that holds it, and where to talk to it", async () => {
  const { pid } = await holdElsewhere();
  const holder = { pid, address: "http://127.0.0.1:8080" };
  expect(readHolder(path)).toEqual(holder);
  let refused: unknown;
  try {
    lockFolder(path, { pid: process.pid });
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({ name: "LogFolderHeldError", code: "folder_held", path, holder });
  expect(String(refused)).toContain(`process ${pid}`);
  expect(String(refused)).toContain("http://127.0.0.1:8080");
});

it("is free as soon as its holder was killed", async () => {
  const holder = await holdElsewhere();
  holder.kill("SIGKILL");
  await once(holder, "exit");
  expect(readHolder(path)).toBeNull();
  lockFolder(path, { pid: process.pid }).release();
});
