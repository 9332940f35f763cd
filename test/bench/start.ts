/**
 * `npm run bench:start`: how long each role takes from the start of its process until it answers its probes or, for one that
 * ends by itself, until it asks for its first connection. On one core, which it shares with whatever else the machine does.
 *
 *   node test/bench/start.ts [--rounds 9]
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { table } from "../../services/cli/output.ts";
import { exampleFile } from "../fixtures/pipelines.ts";
import { cpuSeconds, MEASURED_CORES, OTHER_CORES, pidOf, pin, residentBytes } from "./ingest/processes.ts";
import { machine } from "./report.ts";
import { median } from "./row.ts";

/** Stays, and answers probes; or ends by itself, and asks ClickHouse or Kafka first. */
const ROLES = {
  operator: "stays",
  collector: "stays",
  consume: "stays",
  serve: "stays",
  migrate: "ends",
  train: "ends",
} as const;
type Role = keyof typeof ROLES;

const MOST_SECONDS = 1.5;
const LOOK_MILLISECONDS = 5;
const MEBIBYTE = 2 ** 20;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "9" } } });

interface Start {
  readonly seconds: number;
  /** Of its own, up to the same moment. */
  readonly processorSeconds: number;
  readonly residentBytes: number;
}

execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
const about = machine();
await pin(process.pid, OTHER_CORES);
const folder = mkdtempSync(join(tmpdir(), "productmatcher-start-"));
/** Takes the place of Kafka and ClickHouse: whoever calls has loaded what it needs to. */
const peer = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
try {
  await once(peer, "listening");
  const { port } = peer.address() as AddressInfo;
  const program = asInTheImage();
  writeFiles(port);
  const starts = new Map<Role, Start[]>(Object.keys(ROLES).map((role) => [role as Role, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [role, list] of starts) list.push(await measure(program, role));
  }
  console.log(`${about}\n`);
  console.log(table(["ROLE", "SECONDS", "LEAST", "PROCESSOR", "MEMORY", "TARGET"], [...starts].map(cells)));
} finally {
  peer.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Compiled, with no more beside it than the image has. */
function asInTheImage(): string {
  const root = join(folder, "app");
  mkdirSync(root);
  cpSync("dist", join(root, "dist"), { recursive: true });
  cpSync("package.json", join(root, "package.json"));
  symlinkSync(resolve("node_modules"), join(root, "node_modules"));
  return join(root, "dist/services/cli/main.js");
}

function writeFiles(port: number): void {
  const address = `127.0.0.1:${port}`;
  const { metadata, spec, ...rest } = exampleFile("minimal");
  const { source, sink } = spec as { source: { kafka: object }; sink: { clickhouse: object } };
  const kafka = { ...source.kafka, bootstrapServers: [address] };
  const clickhouse = { ...sink.clickhouse, url: `http://${address}` };
  const here = { ...(spec as object), source: { ...source, kafka }, sink: { clickhouse } };
  writeFileSync(join(folder, "pipeline.yaml"), stringify({ ...rest, metadata, spec: here }));
  const secret = join(folder, "secrets/clickhouse");
  mkdirSync(secret, { recursive: true });
  for (const key of ["username", "password"]) writeFileSync(join(secret, key), "shop");
  // As a pod's account is mounted.
  const account = { token: "token", namespace: "default", "ca.crt": "" };
  mkdirSync(join(folder, "account"));
  for (const [name, text] of Object.entries(account)) writeFileSync(join(folder, "account", name), text);
}

async function measure(program: string, role: Role): Promise<Start> {
  const port = await freePort();
  const called = once(peer, "connection");
  const began = performance.now();
  const command = [process.execPath, program, role, ...words(role, port)];
  const child = spawn("taskset", ["--cpu-list", MEASURED_CORES, ...command], {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production", KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "1" },
  });
  const ended = once(child, "exit");
  const pid = pidOf(child);
  const gone = ended.then(() => Promise.reject(new Error(`${role} ended before it was there`)));
  gone.catch(() => {});
  try {
    await Promise.race([ROLES[role] === "stays" ? answers(port) : called, gone]);
    const seconds = (performance.now() - began) / 1_000;
    return { seconds, processorSeconds: cpuSeconds(pid), residentBytes: residentBytes(pid) };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

function words(role: Role, port: number): string[] {
  const own = ["--host", "127.0.0.1"];
  if (role === "operator") return [...own, "--port", `${port}`, "--service-account", join(folder, "account")];
  const given = ["--file", join(folder, "pipeline.yaml"), "--secrets", join(folder, "secrets")];
  return ROLES[role] === "ends" ? given : [...given, ...own, "--port", "0", "--operations-port", `${port}`];
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const status = await new Promise<number | undefined>((done) => {
      get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) =>
        done(response.resume().statusCode),
      ).once("error", () => done(undefined));
    });
    if (status === 200) return;
    await sleep(LOOK_MILLISECONDS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function cells([role, list]: [Role, readonly Start[]]): string[] {
  const seconds = list.map((start) => start.seconds);
  const middle = median(seconds);
  return [
    role,
    middle.toFixed(2),
    Math.min(...seconds).toFixed(2),
    median(list.map(({ processorSeconds }) => processorSeconds)).toFixed(2),
    `${Math.round(median(list.map((start) => start.residentBytes)) / MEBIBYTE)} MiB`,
    `${middle <= MOST_SECONDS ? "reached" : "MISSED"} (at most ${MOST_SECONDS})`,
  ];
}
