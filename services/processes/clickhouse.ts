import { type ClickHouse, openClickHouse, requireSchema } from "../clickhouse/index.ts";
import { clickhouseTarget } from "./connections.ts";
import type { RoleContext } from "./role.ts";

/** How a role opens connections to its pipeline's database, once the migration has made it what this release needs. */
export async function migratedClickHouse(context: RoleContext): Promise<() => Promise<ClickHouse>> {
  const { pipeline, names, secrets, startup, onClose } = context;
  const { clickhouse: sink } = pipeline.spec.sink;
  const open = async () => {
    const clickhouse = await openClickHouse(await clickhouseTarget(sink, sink.credentials, secrets), names.database);
    onClose(() => clickhouse.close());
    return clickhouse;
  };
  await startup.step("connecting to ClickHouse", async () => {
    const clickhouse = await openClickHouse(await clickhouseTarget(sink, sink.credentials, secrets), names.database);
    try {
      await requireSchema(clickhouse);
    } finally {
      await clickhouse.close();
    }
  });
  return open;
}
