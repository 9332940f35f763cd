/** A fingerprint of a model's rows: taken by the trainer when it has written them, compared before one is served. */
import type { ClickHouse } from "./client.ts";
import { contentHashes, contentSizes } from "./model-contents.ts";

export interface ModelContent {
  /** Rows of the model's tables. */
  readonly entries: number;
  /** 16 hexadecimal digits; the same for the same rows in any order, on any number of shards. */
  readonly checksum: string;
}

export type Verification = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Of the parameter `version`. The sum of the rows' hashes wraps at 2^64; unlike XOR it sees a row that is there twice. */
export const checksumQuery = `
SELECT count() AS entries, lower(hex(sum(hash))) AS checksum
FROM (
  ${contentHashes}
)`;

/** @throws ClickHouseError */
export async function readContent(clickhouse: ClickHouse, version: string): Promise<ModelContent> {
  const [row] = await clickhouse.query<{ entries: string; checksum: string }>(checksumQuery, { version });
  return { entries: Number(row?.entries ?? 0), checksum: row?.checksum ?? "" };
}

/** Of the rows under `version`, as they are in memory without compression. @throws ClickHouseError */
export async function modelBytes(clickhouse: ClickHouse, version: string): Promise<number> {
  const [row] = await clickhouse.query<{ bytes: string }>(`SELECT sum(size) AS bytes FROM (\n  ${contentSizes}\n)`, {
    version,
  });
  return Number(row?.bytes ?? 0);
}

/**
 * Whether the rows under `version` are the ones that the trainer wrote.
 *
 * @throws ClickHouseError
 */
export async function verify(clickhouse: ClickHouse, version: string, expected: ModelContent): Promise<Verification> {
  const found = await readContent(clickhouse, version);
  if (found.entries !== expected.entries) {
    return { ok: false, reason: `model ${version} has ${found.entries} rows, its manifest says ${expected.entries}` };
  }
  if (found.checksum !== expected.checksum) {
    return {
      ok: false,
      reason: `model ${version} has checksum ${found.checksum}, its manifest says ${expected.checksum}`,
    };
  }
  return { ok: true };
}
