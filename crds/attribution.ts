/** Which touch a conversion is credited to, and what of a visitor is kept. */
import type { z } from "zod";
import { choice, integer, object, rule, setOf, text } from "./fields.ts";

const eventName = text("An event name.", 64);

export const attribution = object(
  "Credits each conversion to a touch of the same user and item before it.",
  {
    touches: setOf("Events that lead to a conversion.", { max: 16 }, eventName).default(["view", "click"]),
    conversions: setOf("Events that are credited.", { max: 16 }, eventName).default(["purchase"]),
    credit: choice("Which touch within the window gets the credit.", ["FirstTouch", "LastTouch"]).default("FirstTouch"),
    windowSeconds: integer(
      "How long before a conversion a touch counts. A change acts on pairs touched later; the command reattribute " +
        "redoes the past.",
      { min: 1, max: 7_776_000, unit: "seconds" },
    ).default(3600),
  },
  [
    rule(
      "V11",
      "!has(self.touches) || !self.touches.exists(t, t in self.conversions)",
      "an event is a touch or a conversion, not both",
    ),
  ],
);

export const privacy = object("What is kept of a visitor's address and browser.", {
  ipAddress: choice("Truncate keeps the network part alone (/24, /48); Drop keeps nothing; Keep keeps all of it.", [
    "Truncate",
    "Drop",
    "Keep",
  ]).default("Truncate"),
  userAgent: choice("Family keeps browser and system without versions; Drop keeps nothing; Keep keeps all of it.", [
    "Family",
    "Drop",
    "Keep",
  ]).default("Family"),
});

export type Attribution = z.output<typeof attribution>;
export type Privacy = z.output<typeof privacy>;
