/** Models of a pipeline on a cluster, straight from its ClickHouse: for commands. */
import { openClickHouse } from "../clickhouse/index.ts";
import { namesOf } from "../config/index.ts";
import { type Moved, promote, type Registry, readRegistry, rollBack } from "../trainer/index.ts";
import { clickhouseTarget } from "./connections.ts";
import type { JobOptions } from "./jobs.ts";
import { mountedSecrets } from "./secrets.ts";

export interface Models {
  registry(): Promise<Registry>;
  /** @throws VersionRefusedError */
  promote(version: string): Promise<Moved>;
  /** @throws VersionRefusedError */
  rollBack(): Promise<Moved>;
}

/** @throws SecretMissingError, ClickHouseError */
export async function withModels<Result>(
  { pipeline, secretsFolder, now }: JobOptions,
  work: (models: Models) => Promise<Result>,
): Promise<Result> {
  const { clickhouse: sink } = pipeline.spec.sink;
  const target = await clickhouseTarget(sink, sink.credentials, mountedSecrets(secretsFolder));
  const clickhouse = await openClickHouse(target, namesOf(pipeline).database);
  try {
    return await work({
      registry: () => readRegistry(clickhouse),
      promote: (version) => promote(clickhouse, version, now()),
      rollBack: () => rollBack(clickhouse, now()),
    });
  } finally {
    await clickhouse.close();
  }
}
