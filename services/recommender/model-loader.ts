/** From versions in ClickHouse to models in memory: each version once, whichever places it is served in. */
import { type ClickHouse, type ListedVersion, listVersions, verify } from "../clickhouse/index.ts";
import { loadBlend } from "./blend-model.ts";
import type { HistoryModels } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import type { HistoryModel, Ranking } from "./model.ts";
import { BrokenModelError, loadNeighbours, loadRanking } from "./model-tables.ts";
import { loadSessions } from "./session-model.ts";
import { loadFactors, loadTowers } from "./vector-models.ts";

export interface LoadedModel {
  readonly asHistoryModel: HistoryModel;
  /** Of an algorithm that ranks items for everybody alike. */
  readonly ranking: Ranking | null;
  /** The versions that it is made of, its own among them. */
  readonly versions: readonly string[];
}

export interface ModelLoaderOptions {
  readonly clickhouse: ClickHouse;
  readonly items: ItemIndex;
  readonly models: HistoryModels;
  readonly now: () => number;
}

export class ModelLoader {
  readonly #options: ModelLoaderOptions;
  readonly #loaded = new Map<string, LoadedModel>();

  constructor(options: ModelLoaderOptions) {
    this.#options = options;
  }

  /**
   * @param algorithm that the version must be of; any when absent
   * @throws BrokenModelError when what is stored is not what was published
   * @throws ClickHouseError
   */
  async load(version: string, algorithm?: string): Promise<LoadedModel> {
    const known = this.#loaded.get(version);
    if (known !== undefined) return known;
    const published = await this.#published(version, algorithm);
    const model = await this.#read(published);
    this.#loaded.set(version, model);
    return model;
  }

  /** Forgets all but these and what they are made of. */
  keep(models: readonly LoadedModel[]): void {
    const kept = new Set(models.flatMap(({ versions }) => versions));
    for (const version of this.#loaded.keys()) if (!kept.has(version)) this.#loaded.delete(version);
  }

  async #published(version: string, algorithm: string | undefined): Promise<ListedVersion> {
    const { clickhouse } = this.#options;
    const published = (await listVersions(clickhouse)).find((listed) => listed.version === version);
    if (published === undefined) throw new BrokenModelError(`model_versions has no version ${version}`);
    if (algorithm !== undefined && published.algorithm !== algorithm) {
      throw new BrokenModelError(`version ${version} is of algorithm ${published.algorithm}, not ${algorithm}`);
    }
    if (published.status !== "published") {
      throw new BrokenModelError(`version ${version} is ${published.status}, not published`);
    }
    const verification = await verify(clickhouse, version, published);
    if (!verification.ok) throw new BrokenModelError(verification.reason);
    return published;
  }

  async #read(published: ListedVersion): Promise<LoadedModel> {
    const { clickhouse, items, models, now } = this.#options;
    const { algorithm, version } = published;
    const of = (asHistoryModel: HistoryModel): LoadedModel => ({ asHistoryModel, ranking: null, versions: [version] });
    switch (algorithm) {
      case "popular":
      case "trending": {
        const ranking = await loadRanking(clickhouse, items, published, now);
        return { asHistoryModel: models.ranking(ranking), ranking, versions: [version] };
      }
      case "itemNeighbours":
      case "content":
        return of(models.neighbours(await loadNeighbours(clickhouse, items, published, now)));
      case "sessionNeighbours":
        return of(models.sessions(await loadSessions(clickhouse, items, published, now)));
      case "factorisation":
        return of(models.vectors(await loadFactors(clickhouse, items, published, now)));
      case "neural":
        return of(models.vectors(await loadTowers(clickhouse, items, published, now)));
      case "hybrid":
        return this.#readBlend(published);
      default:
        throw new BrokenModelError(`version ${version} is of algorithm ${algorithm}, which this release cannot serve`);
    }
  }

  async #readBlend(published: ListedVersion): Promise<LoadedModel> {
    const { clickhouse, items, models, now } = this.#options;
    const loaded = new Map<string, LoadedModel>();
    for (const [algorithm, version] of Object.entries(published.configuration.components ?? {})) {
      loaded.set(algorithm, await this.load(version, algorithm));
    }
    const components = new Map([...loaded].map(([algorithm, { asHistoryModel }]) => [algorithm, asHistoryModel]));
    const blend = await loadBlend(clickhouse, items, published, components, now);
    const parts = [...loaded.values()].flatMap(({ versions }) => versions);
    return { asHistoryModel: models.blend(blend), ranking: null, versions: [published.version, ...parts] };
  }
}
