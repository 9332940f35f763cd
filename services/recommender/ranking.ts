import type { Interest } from "./history.ts";
import type { ItemIndex } from "./item-index.ts";
import type { Neighbours } from "./model.ts";

export interface Candidate {
  readonly item: number;
  readonly score: number;
  /** The item of the history that contributed most. */
  readonly because: number;
}

/**
 * Ranks the neighbours of a history: score(j) = sum over items i of the history of strength(i) * similarity(i, j), the
 * item-based neighbourhood method of Deshpande and Karypis ("Item-based top-N recommendation algorithms", 2004).
 *
 * Its scratch space makes an answer free of allocation by item; it holds nothing between two calls.
 */
export class NeighbourRanker {
  readonly #items: ItemIndex;
  #scores = new Float64Array(0);
  #largest = new Float64Array(0);
  #because = new Int32Array(0);
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
      const whole = this.#scores[item] as number;
      this.#scores[item] = 0;
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
      best.splice(place, 0, { item, score, because: this.#because[item] as number });
    }
    return best;
  }

  #precedes(score: number, item: number, other: Candidate): boolean {
    return score !== other.score ? score > other.score : this.#items.compare(item, other.item) < 0;
  }

  /** Fills the scratch space. Returns how many items have a score. */
  #accumulate(neighbours: Neighbours, history: readonly Interest[]): number {
    const { start, end, items, weights } = neighbours;
    if (this.#scores.length < this.#items.size) this.#grow();
    const scores = this.#scores;
    const largest = this.#largest;
    const because = this.#because;
    const list = this.#touched;
    let touched = 0;
    for (const { item, strength } of history) {
      const stop = end[item] ?? 0;
      for (let at = start[item] ?? 0; at < stop; at += 1) {
        const neighbour = items[at] as number;
        const part = strength * (weights[at] as number);
        if (!(part > 0)) continue;
        const before = scores[neighbour] as number;
        if (before === 0) {
          list[touched] = neighbour;
          touched += 1;
          largest[neighbour] = part;
          because[neighbour] = item;
        } else if (part > (largest[neighbour] as number)) {
          largest[neighbour] = part;
          because[neighbour] = item;
        }
        scores[neighbour] = before + part;
      }
    }
    return touched;
  }

  #grow(): void {
    const size = Math.ceil(this.#items.size * 1.25);
    this.#scores = new Float64Array(size);
    this.#largest = new Float64Array(size);
    this.#because = new Int32Array(size);
    this.#touched = new Int32Array(size);
  }
}
