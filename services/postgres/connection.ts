import type { ConnectionOptions } from "node:tls";
import { Pool } from "pg";
import { readSecret, type TextOrFile } from "../config/secret-file.ts";

/** What a Postgres server (through pg) and the embedded engine (PGlite) both are. */
export interface SqlClient {
  query(sql: string, parameters: unknown[]): Promise<{ rows: unknown[] }>;
}

export interface PostgresOptions {
  /**
   * `postgresql://user:password@host:port/database?sslmode=verify-full`. A file is read again at most every ten seconds
   * and whenever the server refuses, so that it may rotate.
   */
  readonly uri: TextOrFile;
  /** PEM of the authority that signed the server's certificate. Default: those of the system. */
  readonly caCertificate?: TextOrFile;
  /** How long connecting, and an answer, may take: a batch waits for it. Default 5,000. */
  readonly timeoutMilliseconds?: number;
}

export interface PostgresConnection extends SqlClient {
  close(): Promise<void>;
}

const TIMEOUT_MILLISECONDS = 5_000;
const CONNECTIONS = 4;
const LOOK_AT_FILES_EVERY_MILLISECONDS = 10_000;
/** SQLSTATEs of a sign-in that is refused, and of a database that is not there. */
const REFUSALS = new Set(["28P01", "28000", "3D000"]);

interface Place {
  readonly uri: string;
  readonly caCertificate: string | undefined;
}

interface Opened extends Place {
  readonly pool: Pool;
}

/**
 * A pool of connections to a server; the first query connects.
 *
 * @throws Error that names a file that cannot be read, or says that the URI is none
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresConnection> {
  const { timeoutMilliseconds = TIMEOUT_MILLISECONDS } = options;
  const readPlace = async (): Promise<Place> => ({
    uri: readSecret(options.uri),
    caCertificate: options.caCertificate === undefined ? undefined : readSecret(options.caCertificate),
  });
  const open = ({ uri, caCertificate }: Place): Opened => {
    const pool = new Pool({
      ...connectionOf(uri, caCertificate),
      max: CONNECTIONS,
      connectionTimeoutMillis: timeoutMilliseconds,
      query_timeout: timeoutMilliseconds,
      statement_timeout: timeoutMilliseconds,
      keepAlive: true,
    });
    // An idle connection that breaks is replaced at the next query, which reports its own error.
    pool.on("error", () => {});
    return { pool, uri, caCertificate };
  };
  let opened = open(await readPlace());
  let lookedAt = performance.now();
  /** The pool by the files of this moment; while one cannot be read, the pool by what it said before. */
  const look = async (): Promise<Opened> => {
    lookedAt = performance.now();
    const place = await readPlace().catch(() => opened);
    if (place.uri === opened.uri && place.caCertificate === opened.caCertificate) return opened;
    const replaced = opened;
    opened = open(place);
    // It ends once those who use it have finished.
    replaced.pool.end().catch(() => {});
    return opened;
  };
  return {
    async query(sql, parameters) {
      const due = performance.now() - lookedAt >= LOOK_AT_FILES_EVERY_MILLISECONDS;
      const used = due ? await look() : opened;
      try {
        return await used.pool.query(sql, parameters);
      } catch (error) {
        if (!REFUSALS.has(sqlState(error))) throw error;
        const again = await look();
        if (again === used) throw error;
        return again.pool.query(sql, parameters);
      }
    },
    close: () => opened.pool.end(),
  };
}

/**
 * The parts of a URI for pg, which by itself forgets a CA that is given beside an `sslmode`. The modes mean what they
 * mean for libpq, but that `allow` and `prefer` do without TLS: nothing is tried twice.
 *
 * @throws Error that says what is wrong, without the URI, which may hold a password
 */
export function connectionOf(
  uri: string,
  caCertificate: string | undefined,
): { readonly connectionString: string; readonly ssl: ConnectionOptions | false } {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new Error("the URI of the database is none: write postgresql://user:password@host:5432/database");
  }
  const mode = url.searchParams.get("sslmode") ?? (caCertificate === undefined ? "disable" : "verify-full");
  for (const name of [...url.searchParams.keys()]) if (name.startsWith("ssl")) url.searchParams.delete(name);
  return { connectionString: url.href, ssl: tlsOf(mode, caCertificate) };
}

function tlsOf(mode: string, caCertificate: string | undefined): ConnectionOptions | false {
  const ca = caCertificate === undefined ? {} : { ca: caCertificate };
  switch (mode) {
    case "disable":
    case "allow":
    case "prefer":
      return false;
    case "require":
      return caCertificate === undefined ? { rejectUnauthorized: false } : { ...ca, checkServerIdentity: anyName };
    case "verify-ca":
      return { ...ca, checkServerIdentity: anyName };
    case "verify-full":
      return ca;
    default:
      throw new Error(`sslmode is ${mode}: write disable, require, verify-ca or verify-full`);
  }
}

function anyName(): undefined {
  return undefined;
}

export function sqlState(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
