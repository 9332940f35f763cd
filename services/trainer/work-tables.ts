/**
 * Tables that live as long as one run: named after it, dropped when it ends, and swept at the next start when a run
 * was killed before it could drop them.
 */
import { randomBytes } from "node:crypto";
import { type ClickHouse, identifier, type Layout, onCluster, storedName, WORK_TABLE } from "../clickhouse/index.ts";
import { createTable, type TableDefinition } from "../clickhouse/layout.ts";

/** Of the engine MergeTree unless another is named. */
export type WorkTable = Pick<TableDefinition, "name" | "columns" | "orderBy" | "shardBy" | "version"> &
  Partial<Pick<TableDefinition, "engine">>;

export interface WorkTables {
  readonly clickhouse: ClickHouse;
  readonly layout: Layout;
  /** Makes the table, empty. @returns its name, quoted for SQL */
  create(table: WorkTable): Promise<string>;
  /** Fills a table by a statement that begins with INSERT or a SELECT, with the run's memory bounds. */
  run(sql: string, parameters?: Readonly<Record<string, unknown>>): Promise<void>;
}

const PREFIX = "training_";
/** Above the longest run that a Job is given (`training.timeoutMinutes` is 120 by default). */
export const RUN_LIMIT_MILLISECONDS = 6 * 3_600_000;

/** What one statement of a run may hold in memory: the limit of the connection that is opened for it. */
export const STATEMENT_BYTES = 2_000_000_000;

/**
 * Grouping and sorting go on on disk well before the limit (merging what was written takes as much again); on a cluster,
 * each row goes to the shard that its table says, and is there when the statement ends.
 */
const SETTINGS = `SETTINGS max_bytes_before_external_group_by = ${STATEMENT_BYTES / 2},
  max_bytes_before_external_sort = ${STATEMENT_BYTES / 4}, distributed_foreground_insert = 1,
  parallel_distributed_insert_select = 0`;

/** Runs of this process that have not ended. */
const running = new Set<string>();

/** A moment and four hexadecimal digits, such as `20261123T064100Z-1a2b`: sorts by time, differs between two at once. */
export function runName(now: number, suffix: string = randomBytes(2).toString("hex")): string {
  return `${new Date(now).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "")}-${suffix}`;
}

/** The moment in a run's name, in milliseconds since 1970; `undefined` when the text is no run's name. */
export function runTime(name: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z[-_][0-9a-f]+$/.exec(name);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1);
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/**
 * Runs `use` with work tables of its own and drops them when it ends, whichever way. Tables of runs that were killed
 * are dropped first: in the embedded engine those that no run of this process owns, on a server those of runs that
 * began more than six hours ago, since another trainer may be at work.
 */
export async function withWorkTables<Result>(
  clickhouse: ClickHouse,
  layout: Layout,
  run: { readonly name: string; readonly now: number },
  use: (work: WorkTables) => Promise<Result>,
): Promise<Result> {
  const prefix = `${PREFIX}${run.name.replace("-", "_")}_`;
  const owner = `${clickhouse.database}/${prefix}`;
  running.add(owner);
  try {
    await dropLeftovers(clickhouse, layout, run.now);
    return await use({
      clickhouse,
      layout,
      async create(table) {
        const name = `${prefix}${table.name}`;
        await dropTable(clickhouse, layout, name);
        const definition = { engine: "MergeTree", ...table, name } as const;
        for (const statement of createTable(definition, layout)) await clickhouse.command(statement);
        return identifier(name);
      },
      run: (sql, parameters) => clickhouse.command(`${sql}\n${SETTINGS}`, parameters),
    });
  } finally {
    await dropMatching(clickhouse, layout, (name) => name.startsWith(prefix));
    running.delete(owner);
  }
}

async function dropLeftovers(clickhouse: ClickHouse, layout: Layout, now: number): Promise<void> {
  await dropMatching(clickhouse, layout, (name) => {
    const run = WORK_TABLE.exec(name);
    const began = runTime(run?.[1] ?? "");
    if (run === null || began === undefined) return false;
    if (running.has(`${clickhouse.database}/${run[0]}`)) return false;
    return clickhouse.target.kind === "embedded" || now - began > RUN_LIMIT_MILLISECONDS;
  });
}

async function dropMatching(clickhouse: ClickHouse, layout: Layout, wanted: (name: string) => boolean): Promise<void> {
  const tables = await clickhouse.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = {database:String} AND startsWith(name, {prefix:String}) ORDER BY name",
    { database: layout.database, prefix: PREFIX },
  );
  for (const { name } of tables.filter((table) => wanted(table.name))) {
    await clickhouse.command(`DROP TABLE IF EXISTS ${identifier(name)}${onCluster(layout)} SYNC`);
  }
}

async function dropTable(clickhouse: ClickHouse, layout: Layout, name: string): Promise<void> {
  for (const table of new Set([name, storedName(name, layout)])) {
    await clickhouse.command(`DROP TABLE IF EXISTS ${identifier(table)}${onCluster(layout)} SYNC`);
  }
}
