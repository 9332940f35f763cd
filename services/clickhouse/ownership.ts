/** Which pipeline a database belongs to: two would mix their data in it, and one's clean-up would take the other's. */
import type { ClickHouse } from "./client.ts";
import { identifier } from "./identifier.ts";
import { createTable, type Layout, onCluster } from "./layout.ts";
import { MIGRATIONS } from "./migrations/index.ts";
import { MIGRATIONS_TABLE } from "./migrations/table.ts";

/** A pipeline as its resource's metadata names it. */
export interface DatabaseOwner {
  /** `<namespace>/<name>` */
  readonly pipeline: string;
  /** Of the resource; `""`: it was read from a file, and its name alone says which it is. */
  readonly uid: string;
}

/** The database is another pipeline's; the message says whose, and what to do. */
export class DatabaseTakenError extends Error {
  override readonly name = "DatabaseTakenError";
  readonly code = "DatabaseTaken";
  readonly owner: DatabaseOwner;

  constructor(database: string, owner: DatabaseOwner) {
    const whose = `${owner.pipeline}${owner.uid === "" ? "" : ` (uid ${owner.uid})`}`;
    super(
      `database ${database} was made by the pipeline ${whose}: name another in spec.sink.clickhouse.database, ` +
        "or set spec.sink.clickhouse.adopt: true to take it over with all that is in it",
    );
    this.owner = owner;
  }
}

const OWNERS: Parameters<typeof createTable>[0] = {
  name: "database_owner",
  columns: `
  pipeline String COMMENT '<namespace>/<name>',
  uid String,
  adopted Bool,
  claimed_at DateTime64(3, 'UTC') DEFAULT now64(3)`,
  engine: "MergeTree",
  orderBy: "claimed_at",
};

/** A table of one training run; the first group is the run. */
export const WORK_TABLE = /^training_(\d{8}T\d{6}Z_[0-9a-f]+)_/;

/** The last that took it over, else the first that came. */
const OWNER = `
SELECT pipeline, uid FROM database_owner
ORDER BY adopted DESC, if(adopted, -toUnixTimestamp64Milli(claimed_at), toUnixTimestamp64Milli(claimed_at)), uid
LIMIT 1`;

/** `null`: nobody has claimed it. @throws ClickHouseError */
export async function databaseOwner(clickhouse: ClickHouse): Promise<DatabaseOwner | null> {
  const [table] = await clickhouse.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND name = '${OWNERS.name}'`,
  );
  if (table === undefined) return null;
  const [owner] = await clickhouse.query<DatabaseOwner>(OWNER);
  return owner ?? null;
}

/**
 * Makes a database this pipeline's where nobody has claimed it, or where it is to be taken over. Of two within the same
 * moment each may go on this time; the next migration of the one that came second is refused.
 *
 * @param adopt whoever had it
 * @throws DatabaseTakenError, ClickHouseError
 */
export async function claimDatabase(
  clickhouse: ClickHouse,
  layout: Layout,
  owner: DatabaseOwner,
  { adopt }: { readonly adopt: boolean },
): Promise<void> {
  for (const statement of createTable(OWNERS, layout)) await clickhouse.command(statement);
  const before = await databaseOwner(clickhouse);
  if (before !== null && isSame(before, owner)) return;
  if (before !== null && !adopt) throw new DatabaseTakenError(layout.database, before);
  await clickhouse.insert(OWNERS.name, [{ ...owner, adopted: before !== null }]);
  const after = await databaseOwner(clickhouse);
  if (after === null) throw new Error(`the claim on database ${layout.database} is not to be read yet: try again`);
  if (!isSame(after, owner)) throw new DatabaseTakenError(layout.database, after);
}

function isSame(one: DatabaseOwner, other: DatabaseOwner): boolean {
  if (one.pipeline !== other.pipeline) return false;
  return one.uid === other.uid || one.uid === "" || other.uid === "";
}

/**
 * Drops the tables that ProductMatcher made in a database, and the database with them where nothing else is in it.
 *
 * @returns names of tables that are somebody else's, because of which the database stays
 * @throws DatabaseTakenError when it is another pipeline's; ClickHouseError
 */
export async function dropDatabase(clickhouse: ClickHouse, layout: Layout, owner: DatabaseOwner): Promise<string[]> {
  const before = await databaseOwner(clickhouse);
  if (before !== null && !isSame(before, owner)) throw new DatabaseTakenError(layout.database, before);
  const database = identifier(layout.database);
  const cluster = onCluster(layout);
  const source =
    layout.cluster === undefined ? "system.tables" : `clusterAllReplicas(${identifier(layout.cluster)}, system.tables)`;
  const tables = await clickhouse.query<{ name: string; engine: string }>(
    `SELECT DISTINCT name, engine FROM ${source}
    WHERE database = currentDatabase() AND NOT startsWith(name, '.inner')`,
  );
  const own = ownTables(layout);
  // Of a database that nobody has claimed, no table is known to be ours, whatever its name.
  const foreign = tables.filter(({ name }) => before === null || !(own.has(name) || WORK_TABLE.test(name)));
  if (foreign.length === 0) {
    await clickhouse.command(`DROP DATABASE IF EXISTS ${database}${cluster} SYNC`);
    return [];
  }
  // What feeds on tables goes before them; who owns it is known to the last.
  const last = new Set([OWNERS.name, `${OWNERS.name}_local`]);
  const order = ({ name, engine }: (typeof tables)[number]) => (last.has(name) ? 2 : engine.endsWith("View") ? 0 : 1);
  for (const { name } of tables.filter((table) => !foreign.includes(table)).toSorted((a, b) => order(a) - order(b))) {
    await clickhouse.command(`DROP TABLE IF EXISTS ${database}.${identifier(name)}${cluster} SYNC`);
  }
  return foreign.map(({ name }) => name);
}

/** Names of all tables and views that any migration makes, on one server or a cluster. */
function ownTables(layout: Layout): ReadonlySet<string> {
  const statements = [
    ...MIGRATIONS.flatMap((migration) => migration.statements(layout)),
    ...createTable(MIGRATIONS_TABLE, layout),
    ...createTable(OWNERS, layout),
  ];
  const made = /^CREATE (?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS `[^`]+`\.`([^`]+)`/;
  return new Set(statements.flatMap((statement) => made.exec(statement)?.[1] ?? []));
}
