/**
 * A real PostgreSQL (Debian's 15), with its own data folder and port, on loopback. It refuses to run as root: then it runs as
 * `postgres`, or `nobody`.
 *
 *     const postgres = await startPostgres();
 *     postgres.uri                    // as the superuser `shop`
 *     await postgres.sql("CREATE TABLE users (...)");
 *     await postgres.kill();          // as when the power fails
 *     await postgres.start();
 *     postgres.freeze(); postgres.thaw();
 *     await postgres.remove();
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { freePorts } from "./broker.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";

const run = promisify(execFile);

const READY_TIMEOUT_MILLISECONDS = 30_000;
const DEBIAN_FOLDER = "/usr/lib/postgresql";

export interface Postgres {
  /** Of the superuser `shop`, without TLS. */
  readonly uri: string;
  readonly port: number;
  /** It speaks TLS too, with a certificate of this authority for `localhost` and 127.0.0.1. */
  readonly certificates: Certificates;
  /** Statements, as the superuser. @returns rows of the last */
  sql(statements: string): Promise<Record<string, unknown>[]>;
  setPassword(password: string): Promise<void>;
  /** As when the power fails. The data stays. */
  kill(): Promise<void>;
  /** On the same data and port, after `kill`. */
  start(): Promise<void>;
  /** It takes connections and statements, and answers nothing. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** The folder of the server's programs; `null`: none is installed. */
export function postgresPrograms(): string | null {
  if (!existsSync(DEBIAN_FOLDER)) return null;
  const versions = readdirSync(DEBIAN_FOLDER).sort((one, other) => Number(other) - Number(one));
  const newest = versions
    .map((version) => join(DEBIAN_FOLDER, version, "bin"))
    .find((bin) => existsSync(join(bin, "initdb")));
  return newest ?? null;
}

export async function startPostgres(): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === null) throw new Error("PostgreSQL is not installed (Debian: postgresql)");
  const identity = await whoRuns();
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-postgres-"));
  const certificates = await makeCertificates(folder);
  chmodSync(folder, 0o755);
  const own = (file: string, mode: number) => {
    chmodSync(file, mode);
    if (identity !== null) chownSync(file, identity.uid, identity.gid);
  };
  const home = mkdtempSync(join(folder, "home-"));
  own(home, 0o700);
  const as = { ...(identity ?? {}), cwd: home, env: { PATH: process.env.PATH, HOME: home, LC_ALL: "C" } };
  const passwordFile = join(home, "password");
  writeFileSync(passwordFile, "secret");
  own(passwordFile, 0o600);
  const place = join(home, "data");
  const initdb = ["--pgdata", place, "--username", "shop", "--pwfile", passwordFile, "--auth", "scram-sha-256"];
  await run(join(programs, "initdb"), [...initdb, "--no-sync", "--encoding", "UTF8"], as);
  const pem = join(home, "server.pem");
  copyFileSync(certificates.brokerFile, pem);
  own(pem, 0o600);
  const [port] = await freePorts(1);
  const uri = `postgresql://shop:secret@127.0.0.1:${port}/postgres`;
  let password = "secret";
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: home,
    ssl: "on",
    ssl_cert_file: pem,
    ssl_key_file: pem,
    shared_buffers: "16MB",
    max_connections: 20,
    fsync: "off",
  };
  const parameters = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);

  let child: ChildProcess | null = null;
  let exited: Promise<unknown> = Promise.resolve();
  const connect = async () => {
    const client = new Client({ host: "127.0.0.1", port, user: "shop", password, database: "postgres" });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const sql = async (statements: string) => {
    const client = await connect();
    try {
      const results = await client.query(statements);
      const last = Array.isArray(results) ? results.at(-1) : results;
      return (last?.rows ?? []) as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const start = async () => {
    const started = spawn(join(programs, "postgres"), ["-D", place, ...parameters], { ...as, stdio: "ignore" });
    child = started;
    exited = new Promise((resolve) => started.once("exit", resolve));
    const until = performance.now() + READY_TIMEOUT_MILLISECONDS;
    for (;;) {
      const failure = await sql("SELECT 1").then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return;
      if (started.exitCode !== null || performance.now() > until) throw failure;
      await sleep(50);
    }
  };
  /** The server's own children too: each connection is one. */
  const signalAll = (signal: NodeJS.Signals) => {
    if (child?.pid === undefined) return;
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    for (const pid of [child.pid, ...children.map(Number).filter((pid) => pid > 0)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended by itself.
      }
    }
  };
  const kill = async () => {
    signalAll("SIGKILL");
    await exited;
    child = null;
    rmSync(join(place, "postmaster.pid"), { force: true });
  };
  const killAtExit = () => child?.kill("SIGKILL");
  process.once("exit", killAtExit);
  await start();
  return {
    uri,
    port,
    certificates,
    sql,
    async setPassword(changed) {
      await sql(`ALTER USER shop PASSWORD '${changed}'`);
      password = changed;
    },
    kill,
    start,
    async freeze() {
      signalAll("SIGSTOP");
    },
    async thaw() {
      signalAll("SIGCONT");
    },
    async remove() {
      await kill();
      process.removeListener("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `null`: as this process itself. */
async function whoRuns(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  for (const user of ["postgres", "nobody"]) {
    const ids = await Promise.all(["-u", "-g"].map((what) => run("id", [what, user]))).catch(() => null);
    if (ids === null) continue;
    const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
    return { uid, gid };
  }
  throw new Error("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`");
}
