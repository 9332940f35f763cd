export interface PostgresTable {
  /** `table` or `schema.table`. */
  readonly table: string;
  readonly key: string;
  /** Columns to read, by the name they have here. */
  readonly columns: Readonly<Record<string, string>>;
}

/** `table` or `schema.table` as SQL takes it, whatever characters it has. */
export function quotedTable(table: string): string {
  return table.split(".").map(quotedName).join(".");
}

export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
