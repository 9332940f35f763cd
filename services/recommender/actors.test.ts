import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Signal } from "../activity/signals.ts";
import { ACTOR_LIMITS, type ActorLimits, Actors, type HistoryStore, type LoadResult } from "./actors.ts";
import { ItemIndex } from "./item-index.ts";

const NOW = 1_700_000_000_000;

let ids = 0;
function view(actorId: string, itemId: string, occurredAt = NOW): Signal {
  ids += 1;
  return { actorId, event: "view", itemId, occurredAt, quantity: 1, eventId: `event-${ids}` };
}

/** A store that holds these events, and its reads. */
function storeOf(events: readonly Signal[], before: () => Promise<void> = async () => undefined) {
  const reads: string[] = [];
  const store: HistoryStore = {
    async read(actorId) {
      reads.push(actorId);
      await before();
      return events.filter((event) => event.actorId === actorId);
    },
  };
  return { store, reads };
}

function actorsOf(store: HistoryStore, limits: Partial<ActorLimits> = {}) {
  const items = new ItemIndex();
  const loads: LoadResult[] = [];
  const clock = { now: NOW };
  const actors = new Actors({
    items,
    store,
    interest: { weights: new Map([["view", 1]]), halfLifeDays: 30 },
    limits: { ...ACTOR_LIMITS, actors: 1_000, absences: 100, ...limits },
    now: () => clock.now,
    onLoad: (result) => void loads.push(result),
  });
  const itemsOf = async (actorId: string) => (await actors.interests(actorId)).map(({ item }) => items.id(item));
  return { actors, items, itemsOf, loads, clock };
}

describe("Actors", () => {
  test("many who ask for one actor at once share one read, and later ones need none", async () => {
    const { store, reads } = storeOf([view("ann", "lamp")]);
    const { itemsOf, loads } = actorsOf(store);
    expect(await Promise.all([itemsOf("ann"), itemsOf("ann"), itemsOf("ann")])).toEqual([["lamp"], ["lamp"], ["lamp"]]);
    await itemsOf("ann");
    expect([reads, loads]).toEqual([["ann"], ["found"]]);
  });

  test("what is signalled while the store is read counts too, in the answer that waits for it", async () => {
    const released = Promise.withResolvers<void>();
    const { store } = storeOf([view("ann", "lamp", NOW - 1)], () => released.promise);
    const { actors, itemsOf } = actorsOf(store);
    const asked = itemsOf("ann");
    actors.apply([view("ann", "desk")]);
    released.resolve();
    expect(await asked).toEqual(["desk", "lamp"]);
  });

  test("an actor without a past is not asked for again for a while, but what it does counts at once", async () => {
    const { store, reads } = storeOf([]);
    const { actors, itemsOf, clock } = actorsOf(store, { absenceMilliseconds: 1_000 });
    await itemsOf("ann");
    clock.now += 900;
    await itemsOf("ann");
    expect(reads.length).toBe(1);
    actors.apply([view("ann", "lamp")]);
    expect(await itemsOf("ann")).toEqual(["lamp"]);
    expect(reads.length).toBe(1);
    await itemsOf("bob");
    clock.now += 1_100;
    await itemsOf("bob");
    expect(reads).toEqual(["ann", "bob", "bob"]);
  });

  test("a store that fails, is late or has too much to do does not keep anyone waiting", async () => {
    const failing = actorsOf(storeOf([], () => Promise.reject(new Error("away"))).store);
    failing.actors.apply([view("ann", "lamp")]);
    expect(await failing.itemsOf("ann")).toEqual(["lamp"]);
    expect(failing.loads).toEqual(["failed"]);

    const released = Promise.withResolvers<void>();
    const slow = actorsOf(storeOf([view("ann", "lamp")], () => released.promise).store, {
      loadMilliseconds: 5,
      loads: 1,
    });
    const waiting = slow.itemsOf("ann");
    expect(await slow.itemsOf("bob")).toEqual([]);
    expect(await waiting).toEqual([]);
    expect(slow.loads).toEqual(["refused", "late"]);
    released.resolve();
    await expect.poll(() => slow.itemsOf("ann")).toEqual(["lamp"]);
  });

  test("memory is bounded: the actor that was not active for longest goes first", async () => {
    const { store } = storeOf([]);
    const few = actorsOf(store, { actors: 2 });
    few.actors.apply([view("ann", "lamp"), view("bob", "lamp"), view("ann", "desk"), view("eve", "lamp")]);
    expect(few.actors.size).toBe(2);
    expect(await few.itemsOf("bob")).toEqual([]);
    expect(await few.itemsOf("ann")).toEqual(["lamp", "desk"]);

    const small = actorsOf(store, { bytes: 100_000 });
    for (let at = 0; at < 5_000; at += 1) small.actors.apply([view(`actor-${at}`, "lamp")]);
    expect(small.actors.bytes).toBeLessThanOrEqual(100_000);
    expect(small.actors.size).toBeGreaterThan(100);

    const longIds = actorsOf(store, { bytes: 100_000 });
    for (let at = 0; at < 5_000; at += 1) {
      longIds.actors.apply([{ ...view(`actor-${at}`, "lamp"), eventId: `${at}`.padStart(512, "-") }]);
    }
    expect(longIds.actors.size * 512).toBeLessThan(100_000);
  });

  test("events name at most so many items that nobody else knows", async () => {
    const { actors, itemsOf } = actorsOf(storeOf([]).store, { unknownItems: 2 });
    actors.apply(["a", "b", "c", "a"].map((item, at) => view("ann", item, NOW + at)));
    expect(await itemsOf("ann")).toEqual(["a", "b"]);
  });

  test("however events are spread over store and signals, with repeats, the interests are the same", async () => {
    const event = fc.record({ itemId: fc.constantFrom("a", "b", "c"), age: fc.integer({ min: 0, max: 5 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(event, fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 10 }),
        async (spread) => {
          const events = spread.map(([{ itemId, age }]) => view("ann", itemId, NOW - age));
          const pick = (which: 1 | 2 | 3) => events.filter((_, at) => spread[at]?.[which]);
          const known = events.filter((_, at) => spread[at]?.slice(1).some(Boolean));
          const { actors, itemsOf } = actorsOf(storeOf(pick(1)).store);
          actors.apply(pick(2));
          await itemsOf("ann");
          actors.apply(pick(3));
          const whole = actorsOf(storeOf([]).store);
          whole.actors.apply(known);
          await whole.itemsOf("ann");
          const strengths = async (of: typeof whole) =>
            (await of.actors.interests("ann")).map(({ strength, freshness }) => ({ strength, freshness }));
          expect(await itemsOf("ann")).toEqual(await whole.itemsOf("ann"));
          expect(await strengths({ ...whole, actors })).toEqual(await strengths(whole));
        },
      ),
    );
  });

  test("an event that was corrected since it was stored counts as it was signalled", async () => {
    const stored = view("ann", "lamp");
    const { actors, itemsOf } = actorsOf(storeOf([stored]).store);
    actors.apply([{ ...stored, itemId: "desk" }]);
    expect(await itemsOf("ann")).toEqual(["desk"]);
  });

  test("the latest items are those of the latest events, before and since the start", () => {
    const { actors, items } = actorsOf(storeOf([]).store);
    actors.recall(["old", "older"]);
    const latest = () => actors.recentItems().map((item) => items.id(item));
    expect(latest()).toEqual(["old", "older"]);
    actors.apply([view("ann", "new"), view("bob", "older")]);
    expect(latest()).toEqual(["older", "new", "old"]);
  });
});
