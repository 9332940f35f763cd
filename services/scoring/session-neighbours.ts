/**
 * Items of past sessions that resemble the current one.
 *
 * VMIS-kNN (Kersbergen, Sprangers, Schelter, "Serenade: low-latency session-based recommendation in e-commerce at
 * scale", SIGMOD 2022), an index-based VS-kNN (Ludewig and Jannach, UMUAI 2018), with the weightings of STAN (Garg et
 * al., "Sequence and time aware neighborhood for session-based recommendations", SIGIR 2019) and VSTAN (Ludewig et al.,
 * "Empirical analysis of session-based recommendation algorithms", UMUAI 2021). For the current session's last items,
 * the newest at position 1 of n:
 *
 *     similarity(s) = sum over shared items of decay(position) / |s|^lengthPower
 *     decay(p)      = (n - p + 1) / n, or exp(-(p - 1) / positionDecay)
 *     score(i)      = rarity(i)^rarityPower x sum over the most similar sessions s that hold i of
 *                     similarity(s) x match(p*) x exp(-age(s) / recencyDays) x exp(-|place(i) - place(match)| / distanceDecay)
 *     match(p*)     = max(0, 1 - matchDecay x p*), p* the smallest position whose item is in s
 *
 * The item at position 1 itself is never scored.
 */
import type { SessionIndex } from "./session-index.ts";

export interface SessionParameters {
  /** Youngest sessions that are looked at (m). */
  readonly sessions: number;
  /** The most similar of them that are counted (k). */
  readonly neighbours: number;
  /** Of the current session, the last items that count. */
  readonly lastItems: number;
  readonly rarityPower: number;
  /** Positions; 0: linear. */
  readonly positionDecay: number;
  readonly matchDecay: number;
  readonly lengthPower: number;
  /** 0: age does not count. */
  readonly recencyDays: number;
  /** Places in the past session; 0: distance does not count. */
  readonly distanceDecay: number;
}

/** Scratch space makes an answer free of allocation by item; nothing is held between two calls. */
export class SessionScorer {
  readonly #index: SessionIndex;
  readonly #parameters: SessionParameters;
  readonly #similarity: Float64Array;
  readonly #found: Int32Array;
  readonly #scores: Float64Array;
  readonly #touched: Int32Array;
  /** By item: the largest part of its score, and the item of the current session behind it. */
  readonly #largest: Float64Array;
  readonly #cause: Int32Array;
  readonly #rarity: Float64Array;

  constructor(index: SessionIndex, parameters: SessionParameters) {
    this.#index = index;
    this.#parameters = parameters;
    const sessionCount = index.ageDays.length;
    this.#similarity = new Float64Array(sessionCount);
    this.#found = new Int32Array(sessionCount);
    this.#scores = new Float64Array(index.rarity.length);
    this.#touched = new Int32Array(index.rarity.length);
    this.#largest = new Float64Array(index.rarity.length);
    this.#cause = new Int32Array(index.rarity.length);
    this.#rarity = Float64Array.from(index.rarity, (rarity) => Math.max(0, rarity) ** parameters.rarityPower);
  }

  /**
   * @param recent items of the current session, the newest first; repeats and items without a place in the index count
   * nothing
   * @param visit is called once for each item with a score above 0, in no order; `because` is the item of the current
   * session by which the session that counted most was found
   */
  score(recent: readonly number[], visit: (item: number, score: number, because: number) => void): void {
    const current = [...new Set(recent)].slice(0, this.#parameters.lastItems);
    const scores = this.#scores;
    const touched = this.#touched;
    let count = 0;
    for (const session of this.#nearest(current)) {
      count = this.#addItems(session, current, count);
      this.#similarity[session] = 0;
    }
    for (let at = 0; at < count; at += 1) {
      const item = touched[at] as number;
      const score = (scores[item] as number) * (this.#rarity[item] as number);
      scores[item] = 0;
      if (score > 0 && item !== current[0]) visit(item, score, this.#cause[item] as number);
    }
  }

  /** The most similar of the youngest sessions that share an item, ties to the younger. */
  #nearest(current: readonly number[]): Int32Array {
    const { itemStart, itemSessions, sessionStart } = this.#index;
    const { sessions, neighbours, positionDecay, lengthPower } = this.#parameters;
    const similarity = this.#similarity;
    let count = 0;
    for (const [place, item] of current.entries()) {
      const decay = positionDecay > 0 ? Math.exp(-place / positionDecay) : (current.length - place) / current.length;
      const end = itemStart[item + 1] ?? 0;
      for (let at = itemStart[item] ?? 0; at < end; at += 1) {
        const session = itemSessions[at] as number;
        const before = similarity[session] as number;
        if (before === 0) {
          this.#found[count] = session;
          count += 1;
        }
        similarity[session] = before + decay;
      }
    }
    const found = this.#found.subarray(0, count).sort();
    for (const old of found.subarray(sessions)) similarity[old] = 0;
    const young = found.subarray(0, sessions);
    if (lengthPower > 0) {
      for (const session of young) {
        const length = (sessionStart[session + 1] as number) - (sessionStart[session] as number);
        similarity[session] = (similarity[session] as number) / length ** lengthPower;
      }
    }
    if (young.length <= neighbours) return young;
    young.sort((a, b) => (similarity[b] as number) - (similarity[a] as number) || a - b);
    for (const distant of young.subarray(neighbours)) similarity[distant] = 0;
    return young.subarray(0, neighbours);
  }

  #addItems(session: number, current: readonly number[], before: number): number {
    const { sessionStart, sessionItems, ageDays } = this.#index;
    const { matchDecay, recencyDays, distanceDecay } = this.#parameters;
    const start = sessionStart[session] as number;
    const items = sessionItems.subarray(start, sessionStart[session + 1]);
    const position = current.findIndex((item) => items.includes(item));
    const because = current[position] as number;
    const matched = items.indexOf(because);
    const match = Math.max(0, 1 - matchDecay * (position + 1));
    const recency = recencyDays > 0 ? Math.exp(-(ageDays[session] as number) / recencyDays) : 1;
    const weight = (this.#similarity[session] as number) * match * recency;
    let count = before;
    for (let place = 0; place < items.length; place += 1) {
      const item = items[place] as number;
      const part = distanceDecay > 0 ? weight * Math.exp(-Math.abs(place - matched) / distanceDecay) : weight;
      if (!(part > 0)) continue;
      const sum = this.#scores[item] as number;
      if (sum === 0) {
        this.#touched[count] = item;
        count += 1;
      }
      this.#scores[item] = sum + part;
      if (sum === 0 || part > (this.#largest[item] as number)) {
        this.#largest[item] = part;
        this.#cause[item] = because;
      }
    }
    return count;
  }
}
