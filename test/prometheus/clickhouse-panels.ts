/** What Grafana's ClickHouse plug-in makes of a panel's question, for a time and a database. */
import { BOARDS } from "../../dashboards/boards/index.ts";

export interface SqlPanel {
  readonly name: string;
  readonly sql: string;
}

export interface Chosen {
  readonly database: string;
  /** Seconds since 1970. */
  readonly from: number;
  readonly to: number;
}

export function sqlPanels({ database, from, to }: Chosen): SqlPanel[] {
  const filled = (sql: string) =>
    sql
      .replaceAll("$database", database)
      .replaceAll(/\$__timeFilter\(([^)]+)\)/g, `$1 >= toDateTime(${from}) AND $1 <= toDateTime(${to})`)
      .replaceAll(/\$__timeInterval\(([^)]+)\)/g, "toStartOfInterval(toDateTime($1), INTERVAL 3600 second)");
  return BOARDS.flatMap(({ title, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.flatMap((query) =>
          "sql" in query ? { name: `${title}: ${panel.title}`, sql: filled(query.sql) } : [],
        ),
      ),
    ),
  );
}
