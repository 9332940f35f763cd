/** What an answer is computed from, in the shop's own words: for people, not for the hot path. */
import { bucketsOf } from "../scoring/index.ts";
import type { Actors } from "./actors.ts";
import type { Catalogue } from "./catalogue.ts";
import { visitInterests } from "./history.ts";
import type { ItemIndex } from "./item-index.ts";
import type { RecommenderMetrics } from "./metrics.ts";
import type { HistoryModel, ServedModel } from "./model.ts";

export interface PastEvent {
  readonly event: string;
  readonly item: string;
  /** Milliseconds since 1970. */
  readonly occurredAt: number;
  readonly quantity: number;
}

export interface ListedItem {
  readonly item: string;
  readonly score: number;
}

/** What one model has for an item, the best first. */
export interface SimilarItems {
  readonly algorithm: string;
  readonly version: string;
  readonly items: readonly ListedItem[];
}

/** Since the start of this process. */
export interface Counted {
  /** Accepted events of the whole pipeline: every replica reads all of them. */
  readonly events: number;
  /** Requests that this replica has answered, whatever their status. */
  readonly answers: number;
}

export interface Inspection {
  /**
   * What is known of a user, the newest first, and how much each item counts, the item touched last first. Empty for a
   * user whom nobody has seen.
   */
  user(id: string): Promise<{ readonly history: readonly PastEvent[]; readonly interests: readonly ListedItem[] }>;
  /** By the model of behaviour and by that of content; `null`: none is served. */
  similar(
    item: string,
    limit: number,
  ): { readonly behaviour: SimilarItems | null; readonly content: SimilarItems | null };
  counted(): Promise<Counted>;
}

export interface InspectionContext {
  readonly items: ItemIndex;
  readonly actors: Actors;
  readonly catalogue: Catalogue;
  /** As it is at this moment. */
  readonly model: () => ServedModel;
  readonly metrics: Pick<RecommenderMetrics, "signals" | "requests">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function inspection({ items, actors, catalogue, model, metrics, now }: InspectionContext): Inspection {
  const listed = (from: HistoryModel | null, id: string, limit: number): SimilarItems | null => {
    if (from === null) return null;
    const { algorithm, version } = from;
    const item = items.find(id);
    if (item === undefined) return { algorithm, version, items: [] };
    const share = (other: number) => (other === item || catalogue.hidden(other) ? 0 : 1);
    const found = from.rank(visitInterests([item]), limit, share, bucketsOf({ at: now(), device: "", country: "" }));
    return { algorithm, version, items: found.map(({ item, score }) => ({ item: items.id(item), score })) };
  };
  return {
    async user(id) {
      const interests = await actors.interests(id);
      return {
        history: actors.history(id).map(({ event, item, occurredAt, quantity }) => ({
          ...{ event, occurredAt, quantity },
          item: items.id(item),
        })),
        interests: interests.map(({ item, strength }) => ({ item: items.id(item), score: strength })),
      };
    },
    similar(item, limit) {
      const { itemNeighbours, content } = model();
      return { behaviour: listed(itemNeighbours, item, limit), content: listed(content, item, limit) };
    },
    async counted() {
      const [signals, requests] = await Promise.all([metrics.signals.get(), metrics.requests.get()]);
      const sum = (values: readonly { readonly value: number }[]) =>
        values.reduce((total, { value }) => total + value, 0);
      return {
        events: sum(signals.values),
        answers: sum(requests.values.filter(({ metricName }) => metricName?.endsWith("_count") ?? false)),
      };
    },
  };
}
