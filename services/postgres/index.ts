export { openPostgres, type PostgresConnection, type PostgresOptions, type SqlClient, sqlState } from "./connection.ts";
export { type PostgresTable, quotedName, quotedTable } from "./table.ts";
