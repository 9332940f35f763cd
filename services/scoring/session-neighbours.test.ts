import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PastSession, sessionIndex } from "./session-index.ts";
import { type SessionParameters, SessionScorer } from "./session-neighbours.ts";

const ITEMS = 12;
/** As the example of Serenade's repository has them. */
const PLAIN: SessionParameters = {
  sessions: 500,
  neighbours: 50,
  lastItems: 2,
  rarityPower: 0,
  positionDecay: 0,
  matchDecay: 0.1,
  lengthPower: 0,
  recencyDays: 0,
  distanceDecay: 0,
};

function scored(sessions: readonly PastSession[], parameters: SessionParameters, recent: readonly number[]) {
  const rarity = Float32Array.from({ length: ITEMS }, (_, item) => 1 + item / 4);
  const scorer = new SessionScorer(sessionIndex(sessions, rarity, parameters.sessions), parameters);
  const ask = () => {
    const scores = new Map<number, number>();
    const causes = new Map<number, number>();
    scorer.score(recent, (item, score, because) => {
      expect(scores.has(item)).toBe(false);
      scores.set(item, score);
      causes.set(item, because);
    });
    return { scores, causes };
  };
  const first = ask();
  expect(ask()).toEqual(first);
  return first;
}

/** The formulas once more, over plain lists. */
function oracle(sessions: readonly PastSession[], p: SessionParameters, recent: readonly number[]) {
  const current = [...new Set(recent)].slice(0, p.lastItems);
  const n = current.length;
  const decay = (position: number) =>
    p.positionDecay > 0 ? Math.exp(-(position - 1) / p.positionDecay) : (n - position + 1) / n;
  const sharing = sessions
    .map((session, number) => {
      const shared = current.flatMap((item, at) => (session.items.includes(item) ? [at + 1] : []));
      const similarity =
        shared.reduce((sum, position) => sum + decay(position), 0) / session.items.length ** p.lengthPower;
      return { ...session, number, position: shared[0], similarity };
    })
    .filter(({ position }) => position !== undefined)
    .slice(0, p.sessions)
    .sort((a, b) => b.similarity - a.similarity || a.number - b.number)
    .slice(0, p.neighbours);
  const scores = new Map<number, number>();
  for (const { items, ageDays, position, similarity } of sharing) {
    const match = items.indexOf(current[position! - 1]!);
    for (const [place, item] of items.entries()) {
      const part =
        similarity *
        Math.max(0, 1 - p.matchDecay * position!) *
        (p.recencyDays > 0 ? Math.exp(-ageDays / p.recencyDays) : 1) *
        (p.distanceDecay > 0 ? Math.exp(-Math.abs(place - match) / p.distanceDecay) : 1) *
        (1 + item / 4) ** p.rarityPower;
      if (part > 0 && item !== current[0]) scores.set(item, (scores.get(item) ?? 0) + part);
    }
  }
  return scores;
}

const sessions = fc.array(
  fc.record({
    ageDays: fc.integer({ min: 0, max: 60 }),
    items: fc.uniqueArray(fc.nat(ITEMS - 1), { minLength: 2, maxLength: 6 }),
  }),
  { maxLength: 30 },
);
const parameters = fc.record<SessionParameters>({
  sessions: fc.integer({ min: 1, max: 20 }),
  neighbours: fc.integer({ min: 1, max: 10 }),
  lastItems: fc.integer({ min: 1, max: 6 }),
  rarityPower: fc.constantFrom(0, 1, 1.5),
  positionDecay: fc.constantFrom(0, 2),
  matchDecay: fc.constantFrom(0, 0.1, 0.5),
  lengthPower: fc.constantFrom(0, 0.5),
  recencyDays: fc.constantFrom(0, 14),
  distanceDecay: fc.constantFrom(0, 1),
});

describe("session neighbours", () => {
  test("by hand: one past session holds both items, one only the older", () => {
    const past = [
      { ageDays: 0, items: [0, 1, 2] },
      { ageDays: 1, items: [1, 3] },
    ];
    // The visit is 1, then 0: 0 counts 1, 1 counts 1/2. The first session has similarity 1.5 and matches at position 1.
    const { scores, causes } = scored(past, PLAIN, [0, 1]);
    expect(scores.get(2)).toBeCloseTo(1.5 * 0.9, 12);
    expect(scores.get(3)).toBeCloseTo(0.5 * 0.8, 12);
    expect(scores.get(1)).toBeCloseTo(1.5 * 0.9 + 0.5 * 0.8, 12);
    expect(scores.has(0)).toBe(false);
    expect([causes.get(2), causes.get(3)]).toEqual([0, 1]);
  });

  test("for any sessions and parameters the scores are those of the formulas", () => {
    fc.assert(
      fc.property(sessions, parameters, fc.array(fc.nat(ITEMS + 3), { maxLength: 8 }), (past, chosen, recent) => {
        const { scores } = scored(past, chosen, recent);
        const expected = oracle(past, chosen, recent);
        expect([...scores.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [item, score] of expected) expect(scores.get(item)).toBeCloseTo(score, 6);
      }),
      { numRuns: 500 },
    );
  });
});
