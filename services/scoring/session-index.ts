/** Past sessions in flat arrays, as VMIS-kNN searches them. */

/** A past session: the youngest is number 0. */
export interface PastSession {
  /** Days from its end to the model's youngest event. */
  readonly ageDays: number;
  /** Distinct, in the order in which they were touched last; at least 2. */
  readonly items: readonly number[];
}

export interface SessionIndex {
  /** Items of session `s` stand in `sessionItems` at `sessionStart[s]` up to `sessionStart[s + 1]`. */
  readonly sessionStart: Int32Array;
  readonly sessionItems: Int32Array;
  readonly ageDays: Float32Array;
  /** The youngest sessions of item `i` stand in `itemSessions` at `itemStart[i]` up to `itemStart[i + 1]`, youngest first. */
  readonly itemStart: Int32Array;
  readonly itemSessions: Int32Array;
  /** By item: ln(touches of all items / touches of this one), each session counted once. */
  readonly rarity: Float32Array;
}

/**
 * @param sessions the youngest first
 * @param rarity by item number; as long as there are numbers
 * @param perItem sessions kept of each item
 */
export function sessionIndex(sessions: readonly PastSession[], rarity: Float32Array, perItem: number): SessionIndex {
  const itemCount = rarity.length;
  const sessionStart = new Int32Array(sessions.length + 1);
  for (const [number, { items }] of sessions.entries()) {
    sessionStart[number + 1] = (sessionStart[number] as number) + items.length;
  }
  const sessionItems = new Int32Array(sessionStart[sessions.length] as number);
  const itemStart = new Int32Array(itemCount + 1);
  for (const [number, { items }] of sessions.entries()) {
    sessionItems.set(items, sessionStart[number]);
    for (const item of items) itemStart[item + 1] = Math.min(perItem, (itemStart[item + 1] as number) + 1);
  }
  for (let item = 0; item < itemCount; item += 1) {
    itemStart[item + 1] = (itemStart[item + 1] as number) + (itemStart[item] as number);
  }
  const itemSessions = new Int32Array(itemStart[itemCount] as number);
  const filled = itemStart.slice(0, itemCount);
  for (const [number, { items }] of sessions.entries()) {
    for (const item of items) {
      const place = filled[item] as number;
      if (place === itemStart[item + 1]) continue;
      itemSessions[place] = number;
      filled[item] = place + 1;
    }
  }
  const ageDays = Float32Array.from(sessions, (session) => session.ageDays);
  return { sessionStart, sessionItems, ageDays, itemStart, itemSessions, rarity };
}
