import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { readSecret } from "../config/secret-file.ts";
import { identifier } from "./identifier.ts";
import { type StatementLimits, sessionSettings } from "./settings.ts";
import type { Access, ClickHouseServer } from "./target.ts";

/** No answer came in time. What the server had begun, it may have finished. */
export class StatementTimeoutError extends Error {
  override readonly name = "StatementTimeoutError";
  readonly code = "timeout";
}

interface Opened {
  readonly client: ClickHouseClient;
  readonly secrets: Secrets;
}

interface Secrets {
  readonly username: string;
  readonly password: string;
  readonly caCertificate: string | undefined;
}

/** Below a server's `keep_alive_timeout` (10 s, 3 s before 23.x), so that no socket is used while the server closes it. */
const IDLE_SOCKET_MILLISECONDS = 2_500;

/** A server. Secrets that the server refuses are read again, and the statement is run once more if they have changed. */
export async function serverAccess(
  target: ClickHouseServer,
  database: string | undefined,
  limits: StatementLimits,
): Promise<Access> {
  const { timeoutSeconds } = limits;
  const open = (secrets: Secrets): Opened => ({
    secrets,
    client: openClient(target.url, database, secrets, limits),
  });
  const closing = new AbortController();
  let opened = open(readSecrets(target));
  const attempt = <T>(at: Opened, statement: Parameters<Access["run"]>[0], signal: AbortSignal) =>
    bounded(timeoutSeconds, [signal, closing.signal], (bound) => statement(at.client, bound) as Promise<T>);
  return {
    async run<T>(statement: (client: ClickHouseClient, signal: AbortSignal) => Promise<T>, signal: AbortSignal) {
      const before = opened;
      try {
        return await attempt<T>(before, statement, signal);
      } catch (error) {
        if (!mayHaveRotated(error)) throw error;
        const secrets = readSecrets(target);
        if (sameSecrets(secrets, before.secrets)) throw error;
        // The client before is not closed: others may be using it. Its sockets end once they are idle.
        if (!sameSecrets(secrets, opened.secrets)) opened = open(secrets);
        return attempt<T>(opened, statement, signal);
      }
    },
    async close() {
      closing.abort(new Error("the connection to ClickHouse is closed"));
      await opened.client.close();
    },
  };
}

const CREATE_TIMEOUT_SECONDS = 60;

export async function createServerDatabase(
  target: ClickHouseServer,
  database: string,
  cluster?: string,
): Promise<void> {
  const access = await serverAccess(target, undefined, { timeoutSeconds: CREATE_TIMEOUT_SECONDS });
  try {
    const on = cluster === undefined ? "" : ` ON CLUSTER ${identifier(cluster)}`;
    const query = `CREATE DATABASE IF NOT EXISTS ${identifier(database)}${on}`;
    await access.run((client, abort_signal) => client.command({ query, abort_signal }), new AbortController().signal);
  } finally {
    await access.close();
  }
}

function openClient(
  url: string,
  database: string | undefined,
  { username, password, caCertificate }: Secrets,
  limits: StatementLimits,
): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    clickhouse_settings: sessionSettings(limits),
    // Of a silent socket; the whole of a statement is bounded by `bounded`.
    request_timeout: limits.timeoutSeconds * 1_000 + 1_000,
    // Lists of ids that do not fit into an address.
    use_multipart_params_auto: true,
    keep_alive: { idle_socket_ttl: IDLE_SOCKET_MILLISECONDS },
    // Every failure is thrown, and told by who can say what it means.
    log: { level: ClickHouseLogLevel.OFF },
    ...(database === undefined ? {} : { database }),
    ...(caCertificate === undefined ? {} : { tls: { ca_cert: Buffer.from(caCertificate) } }),
  });
}

/** Ends with the first of: the statement, its time, one of the signals. */
async function bounded<T>(
  timeoutSeconds: number,
  signals: readonly AbortSignal[],
  statement: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const givenUp = Promise.withResolvers<never>();
  givenUp.promise.catch(() => {});
  const giveUp = (reason: unknown) => {
    givenUp.reject(reason);
    controller.abort(reason);
  };
  const late = () => giveUp(new StatementTimeoutError(`no answer from ClickHouse within ${timeoutSeconds} s`));
  const timer = setTimeout(late, timeoutSeconds * 1_000);
  const listeners = signals.map((signal) => ({ signal, abort: () => giveUp(signal.reason) }));
  for (const { signal, abort } of listeners) {
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  }
  try {
    if (controller.signal.aborted) return await givenUp.promise;
    const running = statement(controller.signal);
    // Given up, it may still fail of its own; nobody waits for that.
    running.catch(() => {});
    return await Promise.race([running, givenUp.promise]);
  } finally {
    clearTimeout(timer);
    for (const { signal, abort } of listeners) signal.removeEventListener("abort", abort);
  }
}

function readSecrets({ username, password, caCertificate }: ClickHouseServer): Secrets {
  return {
    username: readSecret(username),
    password: readSecret(password),
    caCertificate: caCertificate === undefined ? undefined : readSecret(caCertificate),
  };
}

function sameSecrets(one: Secrets, other: Secrets): boolean {
  return (
    one.username === other.username && one.password === other.password && one.caCertificate === other.caCertificate
  );
}

/** ClickHouse: 192 unknown user, 193 wrong password, 194 password required, 516 authentication failed. Else OpenSSL's. */
const REFUSALS = /^(192|193|194|516|UNABLE_TO_\w+|CERT_\w+|\w*SELF_SIGNED_CERT\w*)$/;

function mayHaveRotated(error: unknown): boolean {
  return error instanceof Error && "code" in error && REFUSALS.test(String(error.code));
}
