import { TopList } from "../scoring/index.ts";
import type { Interest } from "./history.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Candidate, Sessions } from "./model.ts";

/** Ranks what past sessions like the current one went on with; holds nothing between two calls. */
export class SessionRanker {
  readonly #items: ItemIndex;

  constructor(items: ItemIndex) {
    this.#items = items;
  }

  /**
   * The best candidates, the best first, ties by item id.
   *
   * @param visit the item touched last first
   * @param share what is left of an item's score, 0 to 1; 0 leaves the item out. Asked only for items that would rank
   * @param limit at least 1
   */
  rank({ scorer }: Sessions, visit: readonly Interest[], limit: number, share: (item: number) => number): Candidate[] {
    const top = new TopList(limit, (item, other) => this.#items.compare(item, other) < 0);
    const causes = new Map<number, number>();
    scorer.score(
      visit.map(({ item }) => item),
      (item, whole, because) => {
        if (!top.admits(whole)) return;
        const score = whole * share(item);
        if (score <= 0 || !top.admits(score)) return;
        top.add(item, score);
        causes.set(item, because);
      },
    );
    const { items, scores } = top.take();
    return items.map((item, place) => ({
      item,
      score: scores[place] as number,
      because: causes.get(item) as number,
    }));
  }
}
