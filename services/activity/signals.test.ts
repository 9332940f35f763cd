import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActivityEvent } from "./event.ts";
import {
  decodeSignals,
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
      fc.property(fc.nat(), fc.array(signal, { maxLength: 20 }), (receivedAt, signals) => {
        expect(decodeSignals(encodeSignals({ receivedAt, signals }))).toEqual({ receivedAt, signals });
      }),
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
    expect(() => encodeSignals({ receivedAt: 0, signals })).toThrow(RangeError);
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    '{"v":2,"receivedAt":0,"events":[]}',
    '{"v":1,"receivedAt":0,"events":[["a","view","i",1,1]]}',
  ])("%j is refused with a typed error", (text) => {
    expect(() => decodeSignals(Buffer.from(text))).toThrow(SignalFormatError);
  });
});
