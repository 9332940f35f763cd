import { type ClickHouse, openClickHouse, requireSchema, statementMetrics } from "../clickhouse/index.ts";
import { clickhouseTarget } from "./connections.ts";
import type { RoleContext } from "./role.ts";

/** Of a role that answers or stores all the time: a server that hangs is given up, and the statement tried again. */
const STATEMENT_SECONDS = 60;

/** How a role opens connections to its pipeline's database, once the migration has made it what this release needs. */
export async function migratedClickHouse(
  context: RoleContext,
): Promise<(timeoutSeconds?: number) => Promise<ClickHouse>> {
  const { pipeline, names, registry, secrets, startup, onClose } = context;
  const observe = statementMetrics(registry);
  const { clickhouse: sink } = pipeline.spec.sink;
  const connect = async (timeoutSeconds = STATEMENT_SECONDS) => {
    const target = await clickhouseTarget(sink, sink.credentials, secrets);
    return openClickHouse(target, names.database, { timeoutSeconds, observe });
  };
  await startup.step("Sink", "connecting to ClickHouse", async () => {
    const clickhouse = await connect();
    try {
      await requireSchema(clickhouse);
    } finally {
      await clickhouse.close();
    }
  });
  return async (timeoutSeconds) => {
    const clickhouse = await connect(timeoutSeconds);
    onClose(() => clickhouse.close());
    return clickhouse;
  };
}
