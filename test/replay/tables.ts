import { fileURLToPath } from "node:url";
import { identifier } from "../../services/clickhouse/index.ts";
import { startFile, wellEnded } from "./program.ts";

const QUERY_FOLDER = fileURLToPath(new URL("./query-folder.ts", import.meta.url));
/** Of the pipeline that a folder gets when no resource is named. */
const DATABASE = "default_storefront";

const TABLES = [
  "events",
  "touches",
  "attributed_checkouts",
  "identities",
  "user_identities",
  "joined_touches",
  "order_lines",
  "refunded_checkouts",
  "dead_letters",
  "items",
  "users",
] as const;
/** When a row was written, and where in the log its record stood: different each time that a file is replayed. */
const OF_THE_REPLAY = ["ingested_at", "updated_at", "failed_at", "recorded_at", "version", "partition", "offset"];

export interface Fingerprint {
  readonly rows: number;
  /** Of the contents of all rows, whatever their order. */
  readonly hash: string;
}

/** What every table holds, each row once. */
export async function fingerprints(dataDir: string): Promise<Record<(typeof TABLES)[number], Fingerprint>> {
  const [columns = []] = await query<{ table: string; name: string }>(dataDir, [
    `SELECT table, name FROM system.columns
     WHERE database = currentDatabase() AND default_kind NOT IN ('EPHEMERAL', 'ALIAS') ORDER BY table, position`,
  ]);
  const answers = await query<Fingerprint>(
    dataDir,
    TABLES.map((table) => {
      const content = columns.filter((column) => column.table === table && !OF_THE_REPLAY.includes(column.name));
      return `SELECT toUInt32(count()) AS rows, sum(cityHash64(formatRow('TSV', ${content.map(({ name }) => identifier(name)).join(", ")}))) AS hash
              FROM ${identifier(table)} FINAL`;
    }),
  );
  return Object.fromEntries(TABLES.map((table, index) => [table, answers[index]?.[0]])) as Awaited<
    ReturnType<typeof fingerprints>
  >;
}

/** Rows of each statement. */
export async function query<Row>(dataDir: string, statements: readonly string[]): Promise<Row[][]> {
  return JSON.parse(wellEnded(await startFile(QUERY_FOLDER, [dataDir, DATABASE, ...statements]).ended)) as Row[][];
}
