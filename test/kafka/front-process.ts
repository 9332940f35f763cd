/**
 * The ClickHouse front in a process of its own, for consumers that are processes themselves, and to kill ClickHouse:
 *
 *     const front = await startFrontProcess();
 *     await migrate(await openClickHouse({ kind: "server", url: front.url, ... }, "shop"), ...);
 *     await front.fault({ kind: "Slow", milliseconds: 200 });
 *     await front.kill();
 *     await front.start();
 *     await front.remove();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ClickHouseFront, Credentials, FrontCounts } from "./clickhouse-front.ts";

const PROGRAM = fileURLToPath(new URL("./clickhouse-front-process.ts", import.meta.url));

export interface FrontProcess extends Omit<ClickHouseFront, "close"> {
  /** Of control. */
  readonly control: string;
  readonly pid: () => number;
  /** As when the power fails: at once, whatever runs. The data stays. */
  kill(): Promise<void>;
  /** On the same data and ports, after `kill`. A fault that was set is gone. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export interface FrontProcessOptions {
  readonly credentials?: Credentials;
  /** Address to listen on; the loopback one when absent. */
  readonly host?: string;
  /** Where its data is made; that of the system for what does not last when absent. */
  readonly folder?: string;
}

export async function startFrontProcess(options: FrontProcessOptions = {}): Promise<FrontProcess> {
  const { credentials, host } = options;
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "productmatcher-clickhouse-front-"));
  const identity =
    credentials === undefined ? [] : ["--credentials", `${credentials.username}:${credentials.password}`];
  const own = [...identity, ...(host === undefined ? [] : ["--host", host])];
  let child: ChildProcess | null = null;
  let exited: Promise<unknown> = Promise.resolve();
  const run = async (ports: readonly string[]) => {
    const started = spawn(process.execPath, [PROGRAM, "--path", join(folder, "data"), ...own, ...ports], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
    });
    child = started;
    exited = new Promise((resolve) => started.once("exit", resolve));
    for await (const line of createInterface(started.stdout)) {
      return JSON.parse(line) as { readonly url: string; readonly control: string };
    }
    throw new Error("the ClickHouse front ended before it was ready");
  };
  const kill = async () => {
    child?.kill("SIGKILL");
    await exited;
    child = null;
  };
  const killAtExit = () => child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  const { url, control } = await run([]);
  const ports = ["--port", new URL(url).port, "--control-port", new URL(control).port];
  const ask = async (path: string, body?: unknown): Promise<FrontCounts> => {
    const response = await fetch(
      `${control}${path}`,
      body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
    );
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as FrontCounts;
  };
  return {
    url,
    control,
    pid() {
      if (child?.pid === undefined) throw new Error("the ClickHouse front does not run");
      return child.pid;
    },
    async fault(fault) {
      await ask("/fault", fault);
    },
    async setCredentials(changed) {
      await ask("/credentials", changed);
    },
    counts: () => ask("/counts"),
    kill,
    async start() {
      await run(ports);
    },
    async remove() {
      await kill();
      process.removeListener("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
