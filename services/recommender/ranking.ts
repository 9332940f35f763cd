import type { Interest } from "./history.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Candidate, Neighbours } from "./model.ts";

/**
 * Ranks the neighbours of a history: score(j) = sum over items i of the history of strength(i) * similarity(i, j), the
 * item-based neighbourhood method of Deshpande and Karypis ("Item-based top-N recommendation algorithms", 2004).
 *
 * Its scratch space makes an answer free of allocation by item; it holds nothing between two calls.
 */
export class NeighbourRanker {
  readonly #items: ItemIndex;
  /** By item: the score so far, the largest part of it, and the item of the history which that came from. */
  #sums = new Float64Array(0);
  #touched = new Int32Array(0);

  constructor(items: ItemIndex) {
    this.#items = items;
  }

  /**
   * The best candidates, the best first, ties by item id.
   *
   * @param share what is left of an item's score, 0 to 1; 0 leaves the item out. Asked only for items that would rank
   * @param limit at least 1
   */
  rank(
    neighbours: Neighbours,
    history: readonly Interest[],
    limit: number,
    share: (item: number) => number,
  ): Candidate[] {
    const touched = this.#accumulate(neighbours, history);
    const best: { item: number; score: number; because: number }[] = [];
    for (let at = 0; at < touched; at += 1) {
      const item = this.#touched[at] as number;
      const whole = this.#sums[item * 3] as number;
      this.#sums[item * 3] = 0;
      const last = best.length === limit ? best[limit - 1] : undefined;
      if (last !== undefined && whole < last.score) continue;
      const score = whole * share(item);
      if (score <= 0 || (last !== undefined && !this.#precedes(score, item, last))) continue;
      if (last !== undefined) best.pop();
      let place = best.length;
      for (let other = best[place - 1]; other !== undefined && this.#precedes(score, item, other); ) {
        place -= 1;
        other = best[place - 1];
      }
      best.splice(place, 0, { item, score, because: this.#sums[item * 3 + 2] as number });
    }
    return best;
  }

  #precedes(score: number, item: number, other: Pick<Candidate, "item" | "score">): boolean {
    return score !== other.score ? score > other.score : this.#items.compare(item, other.item) < 0;
  }

  /** Fills the scratch space. Returns how many items have a score. */
  #accumulate(neighbours: Neighbours, history: readonly Interest[]): number {
    const { start, end, items, weights } = neighbours;
    if (this.#touched.length < this.#items.size) this.#grow();
    const sums = this.#sums;
    const list = this.#touched;
    let touched = 0;
    for (const { item, strength } of history) {
      const stop = end[item] ?? 0;
      for (let at = start[item] ?? 0; at < stop; at += 1) {
        const neighbour = items[at] as number;
        const part = strength * (weights[at] as number);
        if (!(part > 0)) continue;
        const place = neighbour * 3;
        const before = sums[place] as number;
        if (before === 0) {
          list[touched] = neighbour;
          touched += 1;
        }
        if (before === 0 || part > (sums[place + 1] as number)) {
          sums[place + 1] = part;
          sums[place + 2] = item;
        }
        sums[place] = before + part;
      }
    }
    return touched;
  }

  #grow(): void {
    const size = Math.ceil(this.#items.size * 1.25);
    this.#sums = new Float64Array(size * 3);
    this.#touched = new Int32Array(size);
  }
}
