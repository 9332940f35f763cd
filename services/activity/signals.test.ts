import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActivityEvent } from "./event.ts";
import type { Link } from "./identity.ts";
import {
  decodeSignals,
  encodeSignalRecords,
  encodeSignals,
  SIGNALS_PER_RECORD,
  type Signal,
  SignalFormatError,
  signalOf,
} from "./signals.ts";

const signal = fc.record<Signal>({
  actorId: fc.string({ unit: "binary" }),
  event: fc.string(),
  itemId: fc.string({ unit: "binary" }),
  occurredAt: fc.nat(),
  quantity: fc.integer({ min: 1 }),
  eventId: fc.string(),
});

const link = fc.record<Link>({
  anonymousId: fc.string({ unit: "binary" }),
  userId: fc.string({ unit: "binary" }),
  linkedAt: fc.nat(),
});

const EVENT: ActivityEvent = {
  eventId: "e1",
  event: "view",
  userId: "",
  anonymousId: "visitor",
  sessionId: "s1",
  itemId: "lamp",
  occurredAt: 1_700_000_000_000,
  price: null,
  quantity: 1,
  currency: "",
  url: "",
  referrer: "",
  userAgent: "",
  ipAddress: "",
  properties: {},
};

describe("signals", () => {
  test("what is decoded is what was encoded", () => {
    fc.assert(
      fc.property(fc.record({ receivedAt: fc.nat(), signals: fc.array(signal), links: fc.array(link) }), (batch) => {
        expect(decodeSignals(encodeSignals(batch))).toEqual(batch);
      }),
    );
  });

  test("a record without links is the one that earlier releases wrote and read", () => {
    const signals = [signalOf(EVENT) as Signal];
    const text = '{"v":1,"receivedAt":7,"events":[["anonymous:visitor","view","lamp",1700000000000,1,"e1"]]}';
    expect(Buffer.from(encodeSignals({ receivedAt: 7, signals, links: [] })).toString()).toBe(text);
    expect(decodeSignals(Buffer.from(text))).toEqual({ receivedAt: 7, signals, links: [] });
  });

  test("of any size is told in records that each can be read", () => {
    const sizes = fc.record({ events: fc.nat(3 * SIGNALS_PER_RECORD), links: fc.nat(3 * SIGNALS_PER_RECORD) });
    fc.assert(
      fc.property(sizes, ({ events, links }) => {
        const batch = {
          receivedAt: 7,
          signals: Array.from({ length: events }, (_, at) => ({ ...(signalOf(EVENT) as Signal), eventId: `${at}` })),
          links: Array.from({ length: links }, (_, at) => ({ anonymousId: `${at}`, userId: "ann", linkedAt: at })),
        };
        const told = encodeSignalRecords(batch).map(decodeSignals);
        expect(told.flatMap(({ signals }) => signals)).toEqual(batch.signals);
        expect(told.flatMap((record) => record.links)).toEqual(batch.links);
      }),
      { numRuns: 10 },
    );
  });

  test("an event becomes the signal of its actor; one without an item becomes none", () => {
    expect(signalOf(EVENT)).toEqual({
      actorId: "anonymous:visitor",
      event: "view",
      itemId: "lamp",
      occurredAt: 1_700_000_000_000,
      quantity: 1,
      eventId: "e1",
    });
    expect(signalOf({ ...EVENT, itemId: "" })).toBeNull();
  });

  test("a record is bounded", () => {
    const signals = Array.from({ length: SIGNALS_PER_RECORD + 1 }, () => signalOf(EVENT) as Signal);
    expect(() => encodeSignals({ receivedAt: 0, signals, links: [] })).toThrow(RangeError);
    const links = signals.map(() => ({ anonymousId: "a", userId: "u", linkedAt: 0 }));
    expect(() => encodeSignals({ receivedAt: 0, signals: [], links })).toThrow(RangeError);
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    '{"v":2,"receivedAt":0,"events":[]}',
    '{"v":1,"receivedAt":0,"events":[["a","view","i",1,1]]}',
    '{"v":1,"receivedAt":0,"events":[],"links":[["a","u"]]}',
  ])("%j is refused with a typed error", (text) => {
    expect(() => decodeSignals(Buffer.from(text))).toThrow(SignalFormatError);
  });
});
