/**
 * A real schema registry: Apicurio Registry by its Confluent-compatible interface, in memory, on loopback. Fetched once
 * through Maven into a cache outside the repository.
 */
import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePorts } from "./broker.ts";

const run = promisify(execFile);

/** The last that runs on Java 17. */
const APICURIO = "2.6.13.Final";
const FETCH_TIMEOUT_MILLISECONDS = 300_000;
const START_TIMEOUT_MILLISECONDS = 60_000;

export interface Registry {
  readonly url: string;
  /** It takes connections and answers nothing any more. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

async function install(): Promise<string> {
  const cache = process.env.PRODUCTMATCHER_TEST_CACHE ?? join(tmpdir(), "productmatcher-test-cache");
  const folder = join(cache, `apicurio-${APICURIO}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetching-"));
  try {
    const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
    const artifact = `io.apicurio:apicurio-registry-app:${APICURIO}:tar.gz:all`;
    await run("mvn", ["-q", "-B", copy, `-Dartifact=${artifact}`, `-DoutputDirectory=${work}`], {
      cwd: work,
      timeout: FETCH_TIMEOUT_MILLISECONDS,
    });
    mkdirSync(join(work, "app"));
    const archive = join(work, `apicurio-registry-app-${APICURIO}-all.tar.gz`);
    await run("tar", ["-xzf", archive, "-C", join(work, "app")]);
    try {
      renameSync(join(work, "app"), folder);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    }
    return folder;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** @returns once it answers */
export async function startRegistry(): Promise<Registry> {
  const folder = await install();
  const [port] = await freePorts(1);
  const work = mkdtempSync(join(tmpdir(), "productmatcher-registry-"));
  const output = join(work, "output.log");
  const out = openSync(output, "a");
  const settings = ["-Dquarkus.http.host=127.0.0.1", `-Dquarkus.http.port=${port}`];
  const jar = join(folder, `apicurio-registry-app-${APICURIO}-runner.jar`);
  const java = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", ...settings, "-jar", jar];
  const child = spawn("java", java, { cwd: work, stdio: ["ignore", out, out] });
  closeSync(out);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const killAtExit = () => child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const registry: Registry = {
    url: `http://127.0.0.1:${port}/apis/ccompat/v7`,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      child.kill("SIGKILL");
      await exited;
      process.removeListener("exit", killAtExit);
      rmSync(work, { recursive: true, force: true });
    },
  };
  for (const deadline = Date.now() + START_TIMEOUT_MILLISECONDS; ; await sleep(100)) {
    const answer = await fetch(`${registry.url}/subjects`).catch(() => null);
    if (answer?.ok) return registry;
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = readFileSync(output, "utf8").slice(-2_000);
      await registry.stop();
      throw new Error(`the schema registry did not start: ${said}`);
    }
  }
}
