/** What people do with models: look, compare, serve another one at once, go back. */
import {
  type ClickHouse,
  type ListedVersion,
  listPromotions,
  listVersions,
  type Promotion,
  pointAliases,
  readAliases,
  verify,
} from "../clickhouse/index.ts";
import { NOT_FOR_USERS } from "./algorithms/index.ts";
import { CHAMPION } from "./incumbents.ts";

/** A version that cannot be served; the message says why and what to do. */
export class VersionRefusedError extends Error {
  override readonly name = "VersionRefusedError";
  readonly code = "version_refused";
}

export interface Registry {
  /** The version that each alias names: `champion` answers users. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The newest first. */
  readonly versions: readonly ListedVersion[];
  /** Of the champion, the newest first. */
  readonly promotions: readonly Promotion[];
}

/**
 * @param newest how many versions and how many promotions; all when absent. Versions that an alias names are always there
 * @throws ClickHouseError
 */
export async function readRegistry(
  clickhouse: ClickHouse,
  newest?: { readonly versions: number; readonly promotions: number },
): Promise<Registry> {
  const aliases = await readAliases(clickhouse);
  const names = [...new Set(aliases.values())];
  const [versions, promotions] = [
    await listVersions(clickhouse, newest && { newest: newest.versions, names }),
    await listPromotions(clickhouse, CHAMPION, newest?.promotions),
  ];
  return { aliases: Object.fromEntries(aliases), versions, promotions };
}

export interface Moved {
  readonly version: string;
  /** What answered users before; `null`: nothing. */
  readonly replaces: string | null;
}

/**
 * Has a version answer users from now on, whatever it scored. The next training run compares with it; to hold it for
 * longer, pin it in the resource.
 *
 * @throws VersionRefusedError @throws ClickHouseError
 */
export async function promote(clickhouse: ClickHouse, version: string, now: number): Promise<Moved> {
  await requireServable(clickhouse, version);
  return move(clickhouse, version, now, "promote");
}

/**
 * Has the version answer users again that did so before the present one. Called again it goes further back.
 *
 * @param from what is to be gone back from; refused when another version is the champion by now
 * @throws VersionRefusedError when there is none, or its rows are gone
 * @throws ClickHouseError
 */
export async function rollBack(clickhouse: ClickHouse, now: number, from?: string): Promise<Moved> {
  const present = (await readAliases(clickhouse)).get(CHAMPION);
  if (present === undefined) throw new VersionRefusedError("no version answers users yet");
  if (from !== undefined) requireUnmoved(present, from);
  const before = lineage(await listPromotions(clickhouse, CHAMPION)).at(-2);
  if (before === undefined) throw new VersionRefusedError(`nothing answered users before ${present}`);
  await requireServable(clickhouse, before);
  // Looking at a large model takes a while.
  return move(clickhouse, before, now, "rollback", present);
}

/**
 * What answered users one after the other, the present one last; what was gone back from is left out.
 *
 * @param promotions the newest first
 */
export function lineage(promotions: readonly Promotion[]): string[] {
  const line: string[] = [];
  for (const { version, cause } of promotions.toReversed()) {
    while (cause === "rollback" && line.length > 0 && line.at(-1) !== version) line.pop();
    if (line.at(-1) !== version) line.push(version);
  }
  return line;
}

function requireUnmoved(champion: string | null, from: string): void {
  if (champion === from) return;
  throw new VersionRefusedError(`${champion} is the champion by now, not ${from}: somebody moved it meanwhile`);
}

/** @param from what the champion is to be still; whatever it is when absent */
async function move(
  clickhouse: ClickHouse,
  version: string,
  now: number,
  cause: "promote" | "rollback",
  from?: string,
): Promise<Moved> {
  const replaces = (await readAliases(clickhouse)).get(CHAMPION) ?? null;
  if (from !== undefined) requireUnmoved(replaces, from);
  await pointAliases(clickhouse, new Map([[CHAMPION, version]]), now, cause);
  return { version, replaces };
}

async function requireServable(clickhouse: ClickHouse, name: string): Promise<void> {
  const versions = await listVersions(clickhouse);
  const version = versions.find((listed) => listed.version === name);
  if (version === undefined)
    throw new VersionRefusedError(`there is no version ${name}: models list shows those there are`);
  if (version.status !== "published") {
    throw new VersionRefusedError(`${name} was ${version.status} and has no rows: ${version.reason}`);
  }
  if (NOT_FOR_USERS.includes(version.algorithm)) {
    throw new VersionRefusedError(`${name} is of ${version.algorithm}, which does not answer users by itself`);
  }
  for (const part of [name, ...Object.values(version.configuration.components ?? {})]) {
    const found = versions.find((listed) => listed.version === part);
    if (found?.available !== true) {
      throw new VersionRefusedError(`the rows of ${part} are gone: training.keepVersions says how many versions stay`);
    }
    const verification = await verify(clickhouse, part, found);
    if (!verification.ok) throw new VersionRefusedError(verification.reason);
  }
}
