import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anonymousActor, holdingLink, type Link, MAX_VISITORS } from "../activity/index.ts";
import type { Signal } from "../activity/signals.ts";
import { peopleOf } from "../clickhouse/index.ts";
import { ACTOR_LIMITS, type ActorLimits, Actors, type HistoryStore, type LoadResult } from "./actors.ts";
import { ItemIndex } from "./item-index.ts";

const NOW = 1_700_000_000_000;

let ids = 0;
function view(actorId: string, itemId: string, occurredAt = NOW): Signal {
  ids += 1;
  return { actorId, event: "view", itemId, occurredAt, quantity: 1, eventId: `event-${ids}` };
}

/** A store that holds these events and links, and its reads. */
function storeOf(
  events: readonly Signal[],
  before: () => Promise<void> = async () => undefined,
  links: readonly Link[] = [],
) {
  const reads: string[] = [];
  const store: HistoryStore = {
    async read(actorIds) {
      reads.push(actorIds[0] ?? "");
      await before();
      const holding = new Map<string, Link>();
      for (const link of links) {
        holding.set(link.anonymousId, holdingLink(holding.get(link.anonymousId) ?? link, link));
      }
      const people = peopleOf([...holding.values()]);
      const actors = new Set(actorIds);
      for (const person of people.values()) {
        if (person.some((actor) => actorIds.includes(actor))) for (const actor of person) actors.add(actor);
      }
      return {
        actors: [...actors],
        links: [...holding.values()].filter((link) => actors.has(link.userId)),
        signals: events.filter((event) => actors.has(event.actorId)),
      };
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

describe("a visitor that signs in", () => {
  const phone: Link = { anonymousId: "phone", userId: "ann", linkedAt: NOW };

  test("is answered like the user, and the user by what both did, whichever comes first", async () => {
    for (const early of [true, false]) {
      const { store } = storeOf([]);
      const { actors, itemsOf } = actorsOf(store);
      if (early) actors.join([phone]);
      actors.apply([view("anonymous:phone", "lamp", NOW - 1), view("ann", "desk")]);
      await itemsOf("ann");
      await itemsOf("anonymous:phone");
      if (!early) actors.join([phone]);
      expect(await itemsOf("ann")).toEqual(["desk", "lamp"]);
      expect(await actors.interests("anonymous:phone")).toBe(await actors.interests("ann"));
      actors.apply([view("anonymous:phone", "rug", NOW + 1)]);
      expect(await itemsOf("ann")).toEqual(["rug", "desk", "lamp"]);
    }
  });

  test("brings its past out of the store, although the store does not know of the sign-in yet", async () => {
    const { store, reads } = storeOf([view("anonymous:phone", "lamp", NOW - 1), view("ann", "desk")]);
    const { actors, itemsOf } = actorsOf(store);
    expect(await itemsOf("ann")).toEqual(["desk"]);
    actors.join([phone]);
    expect(await itemsOf("ann")).toEqual(["desk", "lamp"]);
    expect(await itemsOf("anonymous:phone")).toEqual(["desk", "lamp"]);
    expect(reads).toEqual(["ann", "ann"]);
  });

  test("is known from the store in one read, by either name", async () => {
    const past = [view("anonymous:phone", "lamp", NOW - 1), view("ann", "desk")];
    for (const asked of ["ann", "anonymous:phone"]) {
      const { store, reads } = storeOf(past, undefined, [phone]);
      const { itemsOf } = actorsOf(store);
      expect(await itemsOf(asked)).toEqual(["desk", "lamp"]);
      expect(await itemsOf("ann")).toEqual(["desk", "lamp"]);
      expect(await itemsOf("anonymous:phone")).toEqual(["desk", "lamp"]);
      expect(reads).toEqual([asked]);
    }
  });

  test("belongs to whom it signed in as first: an earlier sign-in that turns up late takes it away again", async () => {
    const { actors, itemsOf } = actorsOf(storeOf([]).store);
    actors.apply([view("anonymous:phone", "lamp", NOW - 1), view("ann", "desk"), view("bob", "rug")]);
    actors.join([phone]);
    expect(await itemsOf("ann")).toEqual(["desk", "lamp"]);
    actors.join([{ ...phone, userId: "bob", linkedAt: NOW + 1 }]);
    expect([await itemsOf("ann"), await itemsOf("bob")]).toEqual([["desk", "lamp"], ["rug"]]);
    actors.join([{ ...phone, userId: "bob", linkedAt: NOW - 1 }]);
    expect([await itemsOf("ann"), await itemsOf("bob")]).toEqual([["desk"], ["rug", "lamp"]]);
  });

  test("however events and sign-ins are spread over store and signals, all know the same as a replica that just started", async () => {
    const ids = ["ann", "bob", "anonymous:phone", "anonymous:desk"];
    const step = fc.oneof(
      fc.record({ actorId: fc.constantFrom(...ids), itemId: fc.constantFrom("a", "b", "c"), age: fc.nat(5) }),
      fc.record({
        anonymousId: fc.constantFrom("phone", "desk"),
        userId: fc.constantFrom("ann", "bob"),
        linkedAt: fc.nat(5),
      }),
    );
    // Of each: whether it is in the store, and whether it is signalled; and who is asked for after it.
    const known = fc.tuple(step, fc.boolean(), fc.boolean(), fc.option(fc.constantFrom(...ids)));
    await fc.assert(
      fc.asyncProperty(fc.array(known, { maxLength: 12 }), async (steps) => {
        const told = steps.map(([of, stored, signalled, asked]) => ({
          events: "actorId" in of ? [view(of.actorId, of.itemId, NOW - of.age)] : [],
          links: "actorId" in of ? [] : [of],
          stored,
          signalled: signalled || !stored,
          asked,
        }));
        const eventsOf = (of: typeof told) => of.flatMap(({ events }) => events);
        const linksOf = (of: typeof told) => of.flatMap(({ links }) => links);
        const inStore = told.filter(({ stored }) => stored);
        const replica = actorsOf(storeOf(eventsOf(inStore), undefined, linksOf(inStore)).store);
        for (const one of told) {
          if (one.signalled) {
            replica.actors.apply(eventsOf([one]));
            replica.actors.join(linksOf([one]));
          }
          if (one.asked !== null) await replica.itemsOf(one.asked);
        }
        const started = actorsOf(storeOf(eventsOf(told), undefined, linksOf(told)).store);
        for (const id of ids) {
          const interestsOf = async (of: typeof started) =>
            (await of.actors.interests(id)).map(({ item, ...rest }) => ({ item: of.items.id(item), ...rest }));
          expect(await interestsOf(replica)).toEqual(await interestsOf(started));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("so often that it is no person: the latest so many ids count, in memory that is bounded", async () => {
    const { actors, itemsOf } = actorsOf(storeOf([]).store, { bytes: 1_000_000 });
    const signIns = 10_000;
    for (let at = 0; at < signIns; at += 1) {
      actors.apply([view(anonymousActor(`${at}`), `item ${at}`, NOW + at)]);
      actors.join([{ anonymousId: `${at}`, userId: "ann", linkedAt: NOW + at }]);
    }
    const items = await itemsOf("ann");
    expect(items.slice(0, 2)).toEqual([`item ${signIns - 1}`, `item ${signIns - 2}`]);
    expect(actors.bytes).toBeLessThanOrEqual(1_000_000);
    const many = actorsOf(storeOf([]).store);
    for (let at = 0; at < signIns; at += 1) {
      many.actors.join([{ anonymousId: "kiosk", userId: `user ${at}`, linkedAt: NOW - at }]);
    }
    many.actors.apply([view("anonymous:kiosk", "lamp")]);
    expect(await many.itemsOf(`user ${signIns - 1}`)).toEqual(["lamp"]);
    expect(await many.itemsOf("user 0")).toEqual([]);
  });

  test("beyond the limit the ids that signed in first drop out, in any order of arrival", async () => {
    const links = Array.from({ length: MAX_VISITORS + 20 }, (_, at) => ({
      ...phone,
      anonymousId: `${at}`,
      linkedAt: at,
    }));
    for (const order of [links, links.toReversed()]) {
      const { actors, itemsOf } = actorsOf(storeOf([]).store);
      actors.apply([
        view("anonymous:19", "first"),
        view("anonymous:20", "second"),
        view("anonymous:119", "last", NOW - 1),
      ]);
      actors.join(order);
      expect(await itemsOf("ann")).toEqual(["second", "last"]);
    }
  });
});
