import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  type ClickHouseSettings,
  createClient,
} from "@clickhouse/client";

/** Where ClickHouse is: the engine inside this process with its data in a folder, or a server. */
export type ClickHouseTarget =
  | { readonly kind: "embedded"; readonly path: string }
  | {
      readonly kind: "server";
      readonly url: string;
      readonly username: string;
      readonly password: string;
      /** PEM text of the authority that signed the server's certificate. */
      readonly caCertificate?: string;
    };

export type Parameters = Readonly<Record<string, unknown>>;

/**
 * One connection to one database, which runs one statement at a time: open one for each use that must not wait for
 * another (sink, serving, training). Settings of a single statement go into its own SETTINGS clause: the embedded
 * engine keeps any other for the life of the connection.
 */
export interface ClickHouse {
  readonly target: ClickHouseTarget;
  readonly database: string;
  /** All rows of a SELECT. 64-bit integers and decimals come as strings. @throws ClickHouseError */
  query<Row>(sql: string, parameters?: Parameters): Promise<Row[]>;
  /** @throws ClickHouseError */
  command(sql: string, parameters?: Parameters): Promise<void>;
  /**
   * Rows by column name, times as integer milliseconds since 1970. Resolves when durable.
   *
   * @param columns those of the rows; needed where one is EPHEMERAL, which is not among a table's columns by default
   * @throws ClickHouseError
   */
  insert(table: string, rows: readonly object[], columns?: readonly [string, ...string[]]): Promise<void>;
  close(): Promise<void>;
}

/** The largest time a statement may take; an aborted one would go on in the embedded engine. */
const MAX_EXECUTION_SECONDS = 600;

const SESSION_SETTINGS: ClickHouseSettings = {
  max_execution_time: MAX_EXECUTION_SECONDS,
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  input_format_skip_unknown_fields: 0,
  join_use_nulls: 0,
  // A batch of late events may touch more months than the default of 100 (code 252 fails the whole batch).
  max_partitions_per_insert_block: "0",
};

/**
 * Connects to `database`, which is created first when absent.
 *
 * @throws Error when the embedded engine (an optional dependency) is not installed
 * @throws ClickHouseError when the server refuses
 */
export async function openClickHouse(target: ClickHouseTarget, database: string): Promise<ClickHouse> {
  const client =
    target.kind === "embedded" ? await embeddedClient(target.path, database) : await serverClient(target, database);
  return {
    target,
    database,
    async query<Row>(sql: string, parameters: Parameters = {}) {
      const result = await client.query({ query: sql, query_params: { ...parameters }, format: "JSONEachRow" });
      return (await result.json()) as Row[];
    },
    async command(sql, parameters = {}) {
      await client.command({ query: sql, query_params: { ...parameters } });
    },
    async insert(table, rows, columns) {
      if (rows.length === 0) return;
      const named = columns === undefined ? {} : { columns: [...columns] as [string, ...string[]] };
      await client.insert({ table, values: rows, format: "JSONEachRow", ...named });
    },
    close: () => client.close(),
  };
}

/** A name in backquotes, as ClickHouse reads it whatever its characters. */
export function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

async function embeddedClient(path: string, database: string): Promise<ClickHouseClient> {
  const { createChdbConnection } = await import("chdb/connection").catch((cause: unknown) => {
    throw new Error("the embedded ClickHouse engine is not installed: npm install chdb, or name a server", { cause });
  });
  const connection = createChdbConnection({ path });
  const client = createClient({
    // Of the same shape, but typed from the adapter's own copy of the client's types.
    connection: connection as unknown as NonNullable<ClickHouseClientConfigOptions["connection"]>,
  });
  // Once for the session: the adapter would put them before every statement, which made inserts cost three times as much.
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
    await client.command({ query: `SET ${name} = ${value}` });
  }
  await client.command({ query: createDatabase(database) });
  await client.command({ query: `USE ${identifier(database)}` });
  return client;
}

async function serverClient(
  target: Extract<ClickHouseTarget, { kind: "server" }>,
  database: string,
): Promise<ClickHouseClient> {
  const options: ClickHouseClientConfigOptions = {
    url: target.url,
    username: target.username,
    password: target.password,
    clickhouse_settings: SESSION_SETTINGS,
    request_timeout: MAX_EXECUTION_SECONDS * 1000,
    // Below the server's keep_alive_timeout, so that a socket is never reused while the server closes it.
    keep_alive: { idle_socket_ttl: 2_500 },
    ...(target.caCertificate === undefined ? {} : { tls: { ca_cert: Buffer.from(target.caCertificate) } }),
  };
  const bootstrap = createClient(options);
  try {
    await bootstrap.command({ query: createDatabase(database) });
  } finally {
    await bootstrap.close();
  }
  return createClient({ ...options, database });
}

function createDatabase(database: string): string {
  return `CREATE DATABASE IF NOT EXISTS ${identifier(database)}`;
}
