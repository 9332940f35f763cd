import { LRUCache } from "lru-cache";
import { anonymousActor, type Link } from "../activity/index.ts";
import type { Signal } from "../activity/signals.ts";
import {
  type HistoryEvent,
  type Interest,
  type InterestOptions,
  identity,
  interests,
  isRelevant,
  mergeHistories,
  withEvent,
} from "./history.ts";
import { actorsOfPerson, NO_TIES, ownedBy, type Ties, visitedBy } from "./identity.ts";
import type { ItemIndex } from "./item-index.ts";

/** Where the past of actors is kept. */
export interface HistoryStore {
  /** What there is of the given actors, and of all who are one person with one of them. */
  read(actorIds: readonly string[]): Promise<Past>;
}

export interface Past {
  /** Whose events were read: those that were asked for, and who else they are. */
  readonly actors: readonly string[];
  readonly links: readonly Link[];
  /** The newest events of each actor that can count, in any order. */
  readonly signals: readonly Signal[];
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
  readonly ties: Ties;
  /** Whether the store was asked; before, only what was signalled is known. */
  readonly complete: boolean;
  /** Computed when first asked for. */
  interests: readonly Interest[] | undefined;
  /** What the interests were computed from: the histories of all that the actor is. */
  histories: readonly (readonly HistoryEvent[])[];
}

const NO_INTERESTS: readonly Interest[] = [];
const NO_EVENTS: readonly HistoryEvent[] = [];
const ACTOR_BYTES = 300;
/** Without its id. */
const EVENT_BYTES = 112;
/** Without its ids. */
const LINK_BYTES = 64;
const RECENT_ITEMS = 1_000;

/**
 * Recent histories of active actors in bounded memory: signals keep them current, the store fills in the past of an
 * actor when it is first asked for, and whoever was not active for longest goes first. A visitor that signed in keeps a
 * history of its own; those of one person are put together when one of them is asked for, so that nothing has to be
 * taken apart when an earlier sign-in turns up.
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

  /** What is known of everyone that the actor is, the newest first; `interests` brings what the store has. */
  history(actorId: string): readonly HistoryEvent[] {
    return mergeHistories(this.#actorsOf(actorId).map((actor) => this.#states.get(actor)?.events ?? NO_EVENTS));
  }

  /** Takes over what actors just did. */
  apply(signals: readonly Signal[]): void {
    for (const signal of signals) {
      const event = this.#historyEvent(signal);
      if (event === undefined) continue;
      this.#touch(event.item);
      const { actorId } = signal;
      this.#keep(actorId, { events: withEvent(this.#states.get(actorId)?.events ?? [], event) });
    }
  }

  /** Takes over who signed in as whom: from now on each of them is answered by what both did. */
  join(links: readonly Link[]): void {
    for (const link of links) {
      const visitor = anonymousActor(link.anonymousId);
      const visitorTies = this.#tiesOf(visitor) ?? NO_TIES;
      const userTies = this.#tiesOf(link.userId) ?? NO_TIES;
      const owned = ownedBy(visitorTies, link);
      const visited = visitedBy(userTies, link);
      if (owned !== visitorTies) this.#keep(visitor, { ties: owned });
      if (visited !== userTies) this.#keep(link.userId, { ties: visited });
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
    const actors = this.#actorsOf(actorId);
    if (this.#areComplete(actorId, actors)) return this.#interestsOf(actors);
    let load = this.#loads.get(actorId);
    if (load === undefined) {
      if (this.#loads.size >= this.#options.limits.loads) {
        this.#options.onLoad("refused");
        return this.#interestsOf(actors);
      }
      load = this.#loadWithin(actorId, [...new Set([actorId, ...actors])]);
      this.#loads.set(actorId, load);
    }
    return load.then(() => this.#interestsOf(this.#actorsOf(actorId)));
  }

  /** @param actorIds whom it is known to be; the store may know of more */
  async #loadWithin(actorId: string, actorIds: readonly string[]): Promise<void> {
    const { limits, onLoad } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(resolve, limits.loadMilliseconds, "late");
    const loaded = this.#load(actorIds).finally(() => {
      clearTimeout(timer);
      this.#loads.delete(actorId);
    });
    if ((await Promise.race([loaded, late])) === "late") onLoad("late");
  }

  async #load(actorIds: readonly string[]): Promise<void> {
    const { store, onLoad } = this.#options;
    try {
      const past = await store.read(actorIds);
      this.join(past.links);
      const byActor = Map.groupBy(past.signals, ({ actorId }) => actorId);
      for (const actor of past.actors) this.#complete(actor, byActor.get(actor) ?? []);
      onLoad(past.signals.length === 0 ? "absent" : "found");
    } catch (cause) {
      onLoad("failed", cause);
    }
  }

  /** Adds what the store has of an actor to what was signalled. */
  #complete(actorId: string, past: readonly Signal[]): void {
    const state = this.#states.get(actorId);
    const signalled = state?.events ?? NO_EVENTS;
    const newer = new Set(signalled.map(identity));
    const history = past
      .filter((signal) => !newer.has(identity(signal)))
      .map((signal) => this.#historyEvent(signal))
      .filter((event) => event !== undefined)
      .reduce<readonly HistoryEvent[]>((events, event) => withEvent(events, event), signalled);
    if (history.length === 0 && state === undefined) this.#absences.set(actorId, true);
    else this.#keep(actorId, { events: history, complete: true });
  }

  /** Whether an actor is answered without a look into the store. */
  isAtHand(actorId: string): boolean {
    return this.#areComplete(actorId, this.#actorsOf(actorId));
  }

  #areComplete(actorId: string, actors: readonly string[]): boolean {
    return this.#isComplete(actorId) && actors.every((actor) => this.#isComplete(actor));
  }

  #isComplete(actorId: string): boolean {
    return this.#states.get(actorId)?.complete ?? this.#absences.has(actorId);
  }

  #tiesOf(actorId: string): Ties | undefined {
    return this.#states.get(actorId)?.ties;
  }

  #actorsOf(actorId: string): readonly string[] {
    return actorsOfPerson(actorId, (actor) => this.#tiesOf(actor));
  }

  /** By what is known of them. The same array as long as none of them does anything. */
  #interestsOf(actors: readonly string[]): readonly Interest[] {
    const [first = ""] = actors;
    const histories = actors.map((actor) => this.#states.get(actor)?.events ?? NO_EVENTS);
    const state = this.#states.get(first);
    const isKnown =
      state?.histories.length === histories.length && state.histories.every((h, at) => h === histories[at]);
    if (state?.interests !== undefined && isKnown) return state.interests;
    const events = histories.length === 1 ? (histories[0] ?? NO_EVENTS) : mergeHistories(histories);
    if (events.length === 0) return NO_INTERESTS;
    const found = interests(events, this.#options.interest);
    if (state !== undefined) {
      state.interests = found;
      state.histories = histories;
    }
    return found;
  }

  #keep(actorId: string, known: Partial<Pick<ActorState, "events" | "ties" | "complete">>): void {
    const before = this.#states.get(actorId);
    const {
      events = before?.events ?? NO_EVENTS,
      ties = before?.ties ?? NO_TIES,
      complete = this.#isComplete(actorId),
    } = known;
    const links = ties.owner === null ? ties.visitors : [ties.owner, ...ties.visitors];
    let size = ACTOR_BYTES + actorId.length;
    for (const { eventId } of events) size += EVENT_BYTES + eventId.length;
    for (const { anonymousId, userId } of links) size += LINK_BYTES + anonymousId.length + userId.length;
    this.#states.set(actorId, { events, ties, complete, interests: undefined, histories: [] }, { size });
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
