import { embeddedAccess } from "./embedded.ts";
import { encodeRows, insertStatement, tokenOf } from "./insert.ts";
import { createServerDatabase, serverAccess } from "./server.ts";
import { inStatementSpan } from "./span.ts";
import type { Access, ClickHouseTarget, Statement } from "./target.ts";

export type Parameters = Readonly<Record<string, unknown>>;

export interface ConnectionOptions {
  /**
   * Longest time of one statement. Default 600, which training needs. The engine ends a statement that takes longer; a
   * server that does not answer at all is given up after the same time, with the code `timeout`.
   */
  readonly timeoutSeconds?: number;
  /** What one statement may hold in memory, in bytes; with more it fails (code 241). The engine's own limit when absent. */
  readonly statementBytes?: number;
  /** Told of each statement that ended. */
  readonly observe?: StatementObserver;
}

export type StatementKind = "query" | "command" | "insert";

/** @param error what it was rejected with; `null` when it succeeded */
export type StatementObserver = (kind: StatementKind, seconds: number, error: unknown) => void;

/**
 * One connection to one database, which runs one statement at a time: open one for each use that must not wait for
 * another (sink, serving, training). Settings of a single statement go into its own SETTINGS clause: the embedded
 * engine keeps any other for the life of the connection. Nothing is tried again in here.
 */
export interface ClickHouse {
  readonly target: ClickHouseTarget;
  readonly database: string;
  readonly timeoutSeconds: number;
  /** All rows of a SELECT. 64-bit integers and decimals come as strings. @throws ClickHouseError */
  query<Row>(sql: string, parameters?: Parameters): Promise<Row[]>;
  /** @throws ClickHouseError */
  command(sql: string, parameters?: Parameters): Promise<void>;
  /**
   * Rows by column name, times as integer milliseconds since 1970. Resolves when durable.
   *
   * @param columns those of the rows; needed where one is EPHEMERAL, which is not among a table's columns by default
   * @param madeFrom where the rows come from, such as partitions and offsets of the log: the same rows from the same
   * place go in once, as far back as the table's deduplication window reaches
   * @throws ClickHouseError
   */
  insert(
    table: string,
    rows: readonly object[],
    columns?: readonly [string, ...string[]],
    madeFrom?: string,
  ): Promise<void>;
  /** The same connection; its statements are given up when the signal aborts. What the engine had begun, it may finish. */
  until(signal: AbortSignal): ClickHouse;
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_SECONDS = 600;

/**
 * Connects to `database`. In the embedded engine it is made when absent; on a server `createDatabase` (and so `migrate`)
 * does that, and nothing is asked before the first statement.
 *
 * @throws Error when the embedded engine (an optional dependency) is not installed, or a secret's file cannot be read
 */
export async function openClickHouse(
  target: ClickHouseTarget,
  database: string,
  { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, statementBytes, observe = () => {} }: ConnectionOptions = {},
): Promise<ClickHouse> {
  const limits = { timeoutSeconds, ...(statementBytes === undefined ? {} : { statementBytes }) };
  const access =
    target.kind === "embedded"
      ? await embeddedAccess(target.path, database, limits)
      : await serverAccess(target, database, limits);
  return connection({ target, database, timeoutSeconds }, access, new AbortController().signal, observe);
}

/** Makes a database where it is absent. @throws ClickHouseError */
export async function createDatabase(target: ClickHouseTarget, database: string, cluster?: string): Promise<void> {
  if (target.kind === "server") await createServerDatabase(target, database, cluster);
  else await (await openClickHouse(target, database)).close();
}

function connection(
  place: Pick<ClickHouse, "target" | "database" | "timeoutSeconds">,
  access: Access,
  signal: AbortSignal,
  observe: StatementObserver,
): ClickHouse {
  const run = <T>(kind: StatementKind, sql: string, statement: Statement<T>): Promise<T> =>
    inStatementSpan(place.database, sql, async () => {
      const began = performance.now();
      const ended = (error: unknown) => observe(kind, (performance.now() - began) / 1_000, error);
      try {
        const result = await access.run(statement, signal);
        ended(null);
        return result;
      } catch (error) {
        ended(error);
        throw error;
      }
    });
  return {
    ...place,
    query<Row>(sql: string, parameters: Parameters = {}) {
      return run("query", sql, async (client, abort_signal) => {
        const query_params = { ...parameters };
        const result = await client.query({ query: sql, query_params, format: "JSONEachRow", abort_signal });
        const close = () => result.close();
        abort_signal.addEventListener("abort", close);
        try {
          return (await result.json()) as Row[];
        } finally {
          abort_signal.removeEventListener("abort", close);
        }
      });
    },
    async command(sql, parameters = {}) {
      await run("command", sql, (client, abort_signal) =>
        client.command({ query: sql, query_params: { ...parameters }, abort_signal }),
      );
    },
    async insert(table, rows, columns, madeFrom) {
      if (rows.length === 0) return;
      const encoded = encodeRows(rows, columns);
      const token = madeFrom === undefined ? undefined : tokenOf(table, madeFrom, encoded);
      const query = insertStatement(table, columns, token);
      await run("insert", query, async (client, abort_signal) => {
        const { stream } = await client.exec({ query, values: encoded.stream(), abort_signal });
        for await (const _ of stream) {
          // The answer's end is the acknowledgement.
        }
      });
    },
    until: (further) => connection(place, access, AbortSignal.any([signal, further]), observe),
    close: () => access.close(),
  };
}
