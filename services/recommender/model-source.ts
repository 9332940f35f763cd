import type { Logger } from "pino";
import { type ClickHouse, readAliases } from "../clickhouse/index.ts";
import type { HistoryModels } from "./history-models.ts";
import type { ItemIndex } from "./item-index.ts";
import { NO_MODEL, type ServedModel, SLOTS, type Slot } from "./model.ts";
import { type LoadedModel, ModelLoader } from "./model-loader.ts";
import { BrokenModelError } from "./model-tables.ts";

/** A published version that is not served, and why. */
export interface RefusedVersion {
  readonly slot: Slot;
  readonly version: string;
  readonly reason: string;
  /** Whether the resource asks for it: `serving.model.pinnedVersion`. */
  readonly pinned: boolean;
  /** Milliseconds since 1970. */
  readonly refusedAt: number;
}

/** A refused version is looked at again after this time: a replica may have shown the alias before all of its rows. */
const RETRY_MILLISECONDS = 60_000;

export interface ModelSourceOptions {
  readonly clickhouse: ClickHouse;
  readonly items: ItemIndex;
  readonly models: HistoryModels;
  /** Answers users in place of what the registry says. Asked at every look. */
  readonly pinnedVersion: () => string | undefined;
  readonly now: () => number;
  readonly logger: Logger;
}

/** Serves what the aliases name: a new version is loaded beside the old one, verified, and swapped in one step. */
export class ModelSource {
  readonly #options: ModelSourceOptions;
  readonly #loader: ModelLoader;
  readonly #refused = new Map<Slot, RefusedVersion>();
  #serving: Readonly<Partial<Record<Slot, LoadedModel>>> = {};
  #current = NO_MODEL;
  #userNeighbours: string | undefined;

  constructor(options: ModelSourceOptions) {
    this.#options = options;
    this.#loader = new ModelLoader(options);
  }

  get current(): ServedModel {
    return this.#current;
  }

  /** The version of similar users, which no memory holds; `undefined`: none. */
  get userNeighbours(): string | undefined {
    return this.#userNeighbours;
  }

  get refused(): readonly RefusedVersion[] {
    return [...this.#refused.values()];
  }

  /** Takes over what was published since. A broken version is refused and the one before it stays. @throws ClickHouseError */
  async refresh(): Promise<void> {
    const aliases = await readAliases(this.#options.clickhouse);
    this.#userNeighbours = aliases.get("userNeighbours");
    const pinned = this.#options.pinnedVersion();
    const serving = { ...this.#serving };
    for (const slot of SLOTS) {
      const version = slot === "champion" ? (pinned ?? aliases.get(slot)) : aliases.get(slot);
      if (version === undefined) continue;
      if (version === this.#current[slot]?.version) this.#refused.delete(slot);
      else if (this.#mayTry(slot, version)) await this.#take(slot, version, serving);
    }
    const published = aliases.get("champion");
    // A pin that cannot be served is told as refused; until it is mended users are answered as without it.
    if (serving.champion === undefined && pinned !== undefined && published !== undefined && published !== pinned) {
      const refused = this.#refused.get("champion");
      await this.#take("champion", published, serving);
      if (refused !== undefined) this.#refused.set("champion", refused);
    }
    if (SLOTS.every((slot) => serving[slot] === this.#serving[slot])) return;
    this.#serving = serving;
    this.#current = modelOf(serving);
    this.#loader.keep(Object.values(serving).filter((model) => model !== undefined));
  }

  #mayTry(slot: Slot, version: string): boolean {
    const refused = this.#refused.get(slot);
    return refused?.version !== version || this.#options.now() - refused.refusedAt >= RETRY_MILLISECONDS;
  }

  async #take(slot: Slot, version: string, serving: Partial<Record<Slot, LoadedModel>>): Promise<void> {
    const { now, logger } = this.#options;
    try {
      serving[slot] = await this.#loader.load(version, slot === "champion" ? undefined : slot);
      this.#refused.delete(slot);
      logger.info({ slot, version, replaces: this.#current[slot]?.version }, "a model version is served");
    } catch (cause) {
      if (!(cause instanceof BrokenModelError)) throw cause;
      const pinned = slot === "champion" && version === this.#options.pinnedVersion();
      this.#refused.set(slot, { slot, version, reason: cause.message, pinned, refusedAt: now() });
      logger.error({ err: cause, slot, version, serving: this.#current[slot]?.version }, "a model is refused");
    }
  }
}

function modelOf(serving: Readonly<Partial<Record<Slot, LoadedModel>>>): ServedModel {
  return {
    champion: serving.champion?.asHistoryModel ?? null,
    itemNeighbours: serving.itemNeighbours?.asHistoryModel ?? null,
    sessionNeighbours: serving.sessionNeighbours?.asHistoryModel ?? null,
    content: serving.content?.asHistoryModel ?? null,
    popular: serving.popular?.ranking ?? null,
    trending: serving.trending?.ranking ?? null,
  };
}
