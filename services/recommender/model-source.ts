import type { Logger } from "pino";
import { type ClickHouse, listVersions, readAliases, verify } from "../clickhouse/index.ts";
import type { ItemIndex } from "./item-index.ts";
import { ALGORITHMS, type Algorithm, NO_MODEL, type ServedModel } from "./model.ts";
import { BrokenModelError, loadNeighbours, loadRanking, type PublishedVersion } from "./model-tables.ts";
import { loadSessions } from "./session-model.ts";

/** A published version that is not served, and why. */
export interface RefusedVersion {
  readonly algorithm: Algorithm;
  readonly version: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly refusedAt: number;
}

/** A refused version is looked at again after this time: a replica may have shown the alias before all of its rows. */
const RETRY_MILLISECONDS = 60_000;

const LOADERS = {
  itemNeighbours: loadNeighbours,
  sessionNeighbours: loadSessions,
  popular: loadRanking,
  trending: loadRanking,
};

export interface ModelSourceOptions {
  readonly clickhouse: ClickHouse;
  readonly items: ItemIndex;
  readonly now: () => number;
  readonly logger: Logger;
}

/** Serves what the aliases name: a new version is loaded beside the old one, verified, and swapped in one step. */
export class ModelSource {
  readonly #options: ModelSourceOptions;
  readonly #refused = new Map<Algorithm, RefusedVersion>();
  #current = NO_MODEL;

  constructor(options: ModelSourceOptions) {
    this.#options = options;
  }

  get current(): ServedModel {
    return this.#current;
  }

  get refused(): readonly RefusedVersion[] {
    return [...this.#refused.values()];
  }

  /** Takes over what was published since. A broken version is refused and the one before it stays. @throws ClickHouseError */
  async refresh(): Promise<void> {
    const aliases = await readAliases(this.#options.clickhouse);
    const loaded: Partial<ServedModel>[] = [];
    for (const algorithm of ALGORITHMS) {
      const version = aliases.get(algorithm);
      if (version === undefined) continue;
      if (version === this.#current[algorithm]?.version) this.#refused.delete(algorithm);
      else if (this.#mayTry(algorithm, version)) loaded.push(await this.#load(algorithm, version));
    }
    if (loaded.length > 0) this.#current = Object.assign({}, this.#current, ...loaded);
  }

  #mayTry(algorithm: Algorithm, version: string): boolean {
    const refused = this.#refused.get(algorithm);
    return refused?.version !== version || this.#options.now() - refused.refusedAt >= RETRY_MILLISECONDS;
  }

  async #load(algorithm: Algorithm, version: string): Promise<Partial<ServedModel>> {
    const { clickhouse, items, now, logger } = this.#options;
    try {
      const published = await this.#published(algorithm, version);
      const model = await LOADERS[algorithm](clickhouse, items, published, now);
      this.#refused.delete(algorithm);
      logger.info({ algorithm, version, replaces: this.#current[algorithm]?.version }, "a model version is served");
      return { [algorithm]: model };
    } catch (cause) {
      if (!(cause instanceof BrokenModelError)) throw cause;
      this.#refused.set(algorithm, { algorithm, version, reason: cause.message, refusedAt: now() });
      logger.error(
        { err: cause, algorithm, version, serving: this.#current[algorithm]?.version },
        "a model is refused",
      );
      return {};
    }
  }

  async #published(algorithm: Algorithm, version: string): Promise<PublishedVersion> {
    const { clickhouse } = this.#options;
    const published = (await listVersions(clickhouse)).find((listed) => listed.version === version);
    if (published === undefined) throw new BrokenModelError(`model_versions has no version ${version}`);
    if (published.algorithm !== algorithm) {
      throw new BrokenModelError(`version ${version} is of algorithm ${published.algorithm}, not ${algorithm}`);
    }
    if (published.status !== "published") {
      throw new BrokenModelError(`version ${version} is ${published.status}, not published`);
    }
    const verification = await verify(clickhouse, version, published);
    if (!verification.ok) throw new BrokenModelError(verification.reason);
    return published;
  }
}
