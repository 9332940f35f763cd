/** What a consumer needs, out of the resource: the same for one process on a laptop and for pods on a cluster. */
import type { PipelineSpec } from "../../crds/index.ts";
import { compileTopic, type RecordMapper, type TopicSpec } from "../activity/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { SqlClient } from "../postgres/index.ts";
import { type CatalogueSync, type CatalogueSyncOptions, startCatalogueSync } from "./catalogue-sync.ts";
import { type AttributeSource, postgresAttributes } from "./enrichment/index.ts";
import type { ConsumerOptions } from "./options.ts";

/** The part of a resource's spec that the consumer reads. */
export type ConsumedSpec = Pick<PipelineSpec, "source" | "catalog" | "enrichment" | "attribution" | "privacy">;

const BATCH = { maxRecords: 10_000, maxBytes: 16 * 1024 * 1024 };

/** @throws MappingError */
export function compileMapper(topic: TopicSpec, { privacy, catalog }: ConsumedSpec): RecordMapper {
  return compileTopic(topic, { privacy, attributes: catalog?.attributes ?? [] });
}

export function consumerSettings(
  spec: ConsumedSpec,
): Pick<ConsumerOptions, "startFrom" | "attribution" | "onEnrichmentFailure" | "batch"> {
  return {
    startFrom: spec.source.startFrom,
    attribution: spec.attribution,
    onEnrichmentFailure: spec.enrichment?.onFailure ?? "Complete",
    batch: BATCH,
  };
}

/** @param postgres `null` where the resource names no database */
export function attributeSource(postgres: SqlClient | null, spec: ConsumedSpec): AttributeSource {
  const tables = spec.enrichment?.postgres;
  return postgres === null || tables === undefined ? {} : postgresAttributes(postgres, tables);
}

/** Keeps `items` like the shop's own table, where the resource names one. @param open another connection */
export async function startCatalogue(
  postgres: SqlClient | null,
  spec: ConsumedSpec,
  open: () => Promise<ClickHouse>,
  { logger, now }: Pick<CatalogueSyncOptions, "logger" | "now">,
): Promise<CatalogueSync | null> {
  const table = spec.enrichment?.postgres.items;
  if (postgres === null || table === undefined) return null;
  const clickhouse = await open();
  const attributes = spec.catalog?.attributes ?? [];
  return startCatalogueSync({
    clickhouse,
    postgres,
    table,
    mapper: compileMapper({ name: table.table, record: "Item" }, spec),
    listAttributes: attributes.filter(({ type }) => type === "StringList").map(({ name }) => name),
    refreshSeconds: table.refreshSeconds,
    logger,
    now,
  });
}
