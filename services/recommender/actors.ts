import { LRUCache } from "lru-cache";
import type { Signal } from "../activity/signals.ts";
import {
  type HistoryEvent,
  type Interest,
  type InterestOptions,
  identity,
  interests,
  isRelevant,
  withEvent,
} from "./history.ts";
import type { ItemIndex } from "./item-index.ts";

/** Where the past of an actor is kept. */
export interface HistoryStore {
  /** The newest events of an actor that can count, in any order; none when the actor is not known. */
  read(actorId: string): Promise<readonly Signal[]>;
}

export interface ActorLimits {
  readonly actors: number;
  /** Of histories, by estimate. */
  readonly bytes: number;
  /** Items that no model and no catalogue knows, but events name. */
  readonly unknownItems: number;
  /** Reads of the store at once; beyond it an actor is answered from what is at hand. */
  readonly loads: number;
  /** Actors known to have no past. */
  readonly absences: number;
  /** How long an actor without a past is not asked for again. */
  readonly absenceMilliseconds: number;
  /** How long an answer waits for the store. */
  readonly loadMilliseconds: number;
}

export const ACTOR_LIMITS: ActorLimits = {
  actors: 200_000,
  bytes: 256 * 1024 * 1024,
  unknownItems: 1_000_000,
  loads: 128,
  absences: 50_000,
  absenceMilliseconds: 30_000,
  loadMilliseconds: 500,
};

export type LoadResult = "found" | "absent" | "failed" | "late" | "refused";

export interface ActorOptions {
  readonly items: ItemIndex;
  readonly store: HistoryStore;
  readonly interest: InterestOptions;
  readonly limits: ActorLimits;
  readonly now: () => number;
  /** Called once for each read of the store, or attempt at one. */
  readonly onLoad: (result: LoadResult, cause?: unknown) => void;
}

interface ActorState {
  readonly events: readonly HistoryEvent[];
  /** Whether the store was asked; before, only what was signalled is known. */
  readonly complete: boolean;
  /** Computed when first asked for. */
  interests: readonly Interest[] | undefined;
}

const NO_INTERESTS: readonly Interest[] = [];
const ACTOR_BYTES = 300;
/** Without its id. */
const EVENT_BYTES = 112;
const RECENT_ITEMS = 1_000;

/**
 * Recent histories of active actors in bounded memory: signals keep them current, the store fills in the past of an
 * actor when it is first asked for, and whoever was not active for longest goes first.
 */
export class Actors {
  readonly #options: ActorOptions;
  readonly #states: LRUCache<string, ActorState>;
  readonly #absences: LRUCache<string, true>;
  readonly #loads = new Map<string, Promise<void>>();
  /** Items in order of their last event, the oldest first. */
  readonly #recent = new Set<number>();
  #unknownItems = 0;

  constructor(options: ActorOptions) {
    this.#options = options;
    const { limits, now } = options;
    this.#states = new LRUCache({ max: limits.actors, maxSize: limits.bytes });
    this.#absences = new LRUCache({
      max: limits.absences,
      ttl: limits.absenceMilliseconds,
      ttlResolution: 0,
      perf: { now },
    });
  }

  get size(): number {
    return this.#states.size;
  }

  /** Estimated. */
  get bytes(): number {
    return this.#states.calculatedSize;
  }

  /** Items that had events of late, the newest first. */
  recentItems(): readonly number[] {
    return [...this.#recent].reverse();
  }

  /** Takes over what actors just did. */
  apply(signals: readonly Signal[]): void {
    for (const signal of signals) {
      const event = this.#historyEvent(signal);
      if (event === undefined) continue;
      this.#touch(event.item);
      const { actorId } = signal;
      const before = this.#states.get(actorId);
      const complete = before?.complete ?? this.#absences.has(actorId);
      this.#keep(actorId, withEvent(before?.events ?? [], event), complete);
    }
  }

  /** Items of events from before this process began, the newest first. */
  recall(itemIds: readonly string[]): void {
    for (const id of itemIds.toReversed()) this.#touch(this.#options.items.intern(id));
  }

  /**
   * What an actor wants by what it did; empty for an actor nobody knows. At once when the actor is in memory. Never
   * rejects: when the store fails, is late or has too much to do, what was signalled has to do.
   */
  interests(actorId: string): readonly Interest[] | Promise<readonly Interest[]> {
    const state = this.#states.get(actorId);
    if (state?.complete) return this.#interestsOf(state);
    if (state === undefined && this.#absences.has(actorId)) return NO_INTERESTS;
    let load = this.#loads.get(actorId);
    if (load === undefined) {
      if (this.#loads.size >= this.#options.limits.loads) {
        this.#options.onLoad("refused");
        return this.#known(actorId);
      }
      load = this.#loadWithin(actorId);
      this.#loads.set(actorId, load);
    }
    return load.then(() => this.#known(actorId));
  }

  async #loadWithin(actorId: string): Promise<void> {
    const { limits, onLoad } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(resolve, limits.loadMilliseconds, "late");
    const loaded = this.#load(actorId).finally(() => {
      clearTimeout(timer);
      this.#loads.delete(actorId);
    });
    if ((await Promise.race([loaded, late])) === "late") onLoad("late");
  }

  async #load(actorId: string): Promise<void> {
    const { store, onLoad } = this.#options;
    try {
      const past = await store.read(actorId);
      const signalled = this.#states.get(actorId)?.events ?? [];
      const newer = new Set(signalled.map(identity));
      const history = past
        .filter((signal) => !newer.has(identity(signal)))
        .map((signal) => this.#historyEvent(signal))
        .filter((event) => event !== undefined)
        .reduce<readonly HistoryEvent[]>((events, event) => withEvent(events, event), signalled);
      if (history.length === 0) this.#absences.set(actorId, true);
      else this.#keep(actorId, history, true);
      onLoad(past.length === 0 ? "absent" : "found");
    } catch (cause) {
      onLoad("failed", cause);
    }
  }

  #known(actorId: string): readonly Interest[] {
    const state = this.#states.get(actorId);
    return state === undefined ? NO_INTERESTS : this.#interestsOf(state);
  }

  #interestsOf(state: ActorState): readonly Interest[] {
    state.interests ??= interests(state.events, this.#options.interest);
    return state.interests;
  }

  #keep(actorId: string, events: readonly HistoryEvent[], complete: boolean): void {
    const size = events.reduce(
      (bytes, { eventId }) => bytes + EVENT_BYTES + eventId.length,
      ACTOR_BYTES + actorId.length,
    );
    this.#states.set(actorId, { events, complete, interests: undefined }, { size });
  }

  #historyEvent(signal: Signal): HistoryEvent | undefined {
    const { items, interest, limits } = this.#options;
    if (!isRelevant(signal.event, interest.weights)) return undefined;
    let item = items.find(signal.itemId);
    if (item === undefined) {
      if (this.#unknownItems >= limits.unknownItems) return undefined;
      this.#unknownItems += 1;
      item = items.intern(signal.itemId);
    }
    const { event, occurredAt, quantity, eventId } = signal;
    return { event, item, occurredAt, quantity, eventId };
  }

  #touch(item: number): void {
    this.#recent.delete(item);
    this.#recent.add(item);
    if (this.#recent.size <= RECENT_ITEMS) return;
    for (const oldest of this.#recent) {
      this.#recent.delete(oldest);
      return;
    }
  }
}
