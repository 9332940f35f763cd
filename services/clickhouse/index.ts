export { type ClickHouse, type ClickHouseTarget, identifier, openClickHouse, type Parameters } from "./client.ts";
export { type Layout, onCluster, storedName } from "./layout.ts";
export { MIGRATIONS, migrate, SCHEMA_VERSION } from "./migrations/index.ts";
