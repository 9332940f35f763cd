/** The best of many: at most `length` items by score. Keeps its entries sorted while they come in; made for lists of some hundred entries at the most. */
export class TopList {
  readonly #items: Int32Array;
  readonly #scores: Float64Array;
  #size = 0;

  readonly #before: (item: number, other: number) => boolean;

  /** @param length at least 1 @param before which of two items of one score comes first; the smaller number when absent */
  constructor(length: number, before: (item: number, other: number) => boolean = (item, other) => item < other) {
    this.#before = before;
    this.#items = new Int32Array(length);
    this.#scores = new Float64Array(length);
  }

  /** Whether an item of this score could still come into the list. */
  admits(score: number): boolean {
    return score >= this.least;
  }

  /** The score that an item needs at least to come into the list: for loops that ask of every item. */
  get least(): number {
    return this.#size < this.#items.length ? Number.NEGATIVE_INFINITY : (this.#scores[this.#size - 1] as number);
  }

  add(item: number, score: number): void {
    const items = this.#items;
    const scores = this.#scores;
    let place = this.#size;
    if (place === items.length) {
      place -= 1;
      if (!this.#precedes(score, item, scores[place] as number, items[place] as number)) return;
    } else {
      this.#size += 1;
    }
    while (place > 0 && this.#precedes(score, item, scores[place - 1] as number, items[place - 1] as number)) {
      items[place] = items[place - 1] as number;
      scores[place] = scores[place - 1] as number;
      place -= 1;
    }
    items[place] = item;
    scores[place] = score;
  }

  /** The entries, the best first; the list is empty afterwards. */
  take(): { items: number[]; scores: number[] } {
    const size = this.#size;
    this.#size = 0;
    return { items: [...this.#items.subarray(0, size)], scores: [...this.#scores.subarray(0, size)] };
  }

  #precedes(score: number, item: number, otherScore: number, otherItem: number): boolean {
    return score !== otherScore ? score > otherScore : this.#before(item, otherItem);
  }
}
