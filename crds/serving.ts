/** The role that answers with recommendations. */
import type { z } from "zod";
import { experiment } from "./experiments.ts";
import { exposure } from "./exposure.ts";
import { choice, entryName, integer, listMap, object, rule, setOf, text } from "./fields.ts";
import { resources, rolePods } from "./pods.ts";
import { namedSecretKeyRef } from "./references.ts";
import { autoscaling, maxReplicasAboveReplicas, replicas } from "./scaling.ts";

const canary = object("A new version answers a share of visitors first. Absent: it answers all of them at once.", {
  percent: integer("Share of visitors.", { min: 1, max: 50, unit: "percent" }).default(5),
  minutes: integer("How long, before it answers all of them.", { min: 1, max: 1440, unit: "minutes" }).default(30),
  maxDropPercent: integer("It is withdrawn when its click rate is lower than the older version's by more.", {
    min: 1,
    max: 100,
    unit: "percent",
  }).default(10),
});

const model = object(
  "Which version answers users. Absent: the champion, which has passed the gate.",
  {
    pinnedVersion: text(
      "Serve exactly this version, to go back by declaration. Remove it to follow on.",
      63,
    ).optional(),
    canary: canary.optional(),
  },
  [rule("V18", "!(has(self.pinnedVersion) && has(self.canary))", "a pinned model has no canary: remove one")],
);

const apiKey = object("A key that a caller sends.", {
  name: entryName("Name of the key in logs and metrics."),
  secretKeyRef: namedSecretKeyRef("Where the key itself is."),
  scopes: setOf(
    "What the key may do: Read recommendations, Write exposures and clicks, Admin models and caches. Absent: Read.",
    { min: 1, max: 3 },
    choice("A scope.", ["Read", "Write", "Admin"]),
  ).optional(),
});

const jwt = object("Takes signed tokens of visitors, as the shop's sign-in gives them.", {
  issuer: text("The token's iss."),
  audience: text("The token's aud."),
  jwksURL: text("Where the issuer's keys are. Absent: found through the issuer's OpenID configuration.").optional(),
});

const servingRule = object(
  "A rule of the shop over what is recommended.",
  {
    name: entryName("Name of the rule, also in the reasons of an answer."),
    type: choice(
      "Filter keeps only items that match; Boost raises or buries them; Pin puts the best of them at a position; " +
        "Quota limits how many items share an attribute.",
      ["Filter", "Boost", "Pin", "Quota"],
    ),
    when: text("CEL over request, user and now: when the rule acts. Absent: always.", 1024).optional(),
    items: text("CEL over item: which items it acts on. Not for Quota.", 1024).optional(),
    boostPercent: integer(
      "With Boost: by how much the score rises; below 0 buries. Several rules multiply, so their order is of no account.",
      { min: -100, max: 1000, unit: "percent" },
    ).optional(),
    position: integer("With Pin: place in the list, from 1.", { min: 1, max: 100 }).optional(),
    attribute: text("With Quota: an item's field or an attribute of the catalogue.", 63).optional(),
    max: integer("With Quota: items of one value of the attribute.", { min: 1, max: 100, unit: "items" }).optional(),
  },
  [
    rule(
      "V19",
      "(self.type == 'Boost') == has(self.boostPercent)",
      "boostPercent goes with type: Boost, and only with it",
    ),
    rule("V19", "(self.type == 'Pin') == has(self.position)", "position goes with type: Pin, and only with it"),
    rule(
      "V19",
      "(self.type == 'Quota') == (has(self.attribute) && has(self.max))",
      "attribute and max go with type: Quota, and only with it",
    ),
    rule("V19", "self.type == 'Quota' || has(self.items)", "items is needed: a CEL expression over item"),
  ],
);

export const serving = object(
  "Answers with recommendations over HTTP.",
  {
    replicas,
    autoscaling: autoscaling.optional(),
    sessionMinutes: integer("How far back a starting replica reads activity: the length of a visit it knows.", {
      min: 1,
      max: 10_080,
      unit: "minutes",
    }).default(120),
    seen: choice("What becomes of items that the visitor has seen: left out, ranked lower, or as others.", [
      "Exclude",
      "Decay",
      "Include",
    ]).default("Decay"),
    diversityPercent: integer("How much likeness within a list is traded for variety. 0: not at all.", {
      min: 0,
      max: 100,
      unit: "percent",
    }).default(0),
    model: model.optional(),
    apiKeys: listMap("Keys that may call. Several at once allow a change of keys.", { max: 32 }, apiKey).optional(),
    jwt: jwt.optional(),
    allowedOrigins: setOf(
      "Origins of pages that may call: https://shop.example. Absent: no page of another origin.",
      { max: 32 },
      text("An origin."),
    ).optional(),
    requestsPerSecond: integer("Requests that each key may send; more are answered 429. Absent: no limit.", {
      min: 1,
      max: 1_000_000,
      unit: "requests a second",
    }).optional(),
    rules: listMap("Rules of the shop over what is recommended.", { max: 64 }, servingRule).optional(),
    experiments: listMap("Experiments on live visitors.", { max: 16 }, experiment).optional(),
    exposure: exposure.optional(),
    resources: resources.optional(),
    pods: rolePods.optional(),
  },
  [
    maxReplicasAboveReplicas,
    rule(
      "V13",
      "!has(self.exposure) || has(self.apiKeys) || has(self.jwt)",
      "serving.exposure needs serving.apiKeys or serving.jwt",
    ),
    rule(
      "V20",
      "!has(self.rules) || self.rules.filter(r, r.type == 'Pin' && !has(r.when)).all(r, self.rules.exists_one(p, p.type == 'Pin' && !has(p.when) && p.position == r.position))",
      "two pins hold the same position at all times",
    ),
    rule(
      "V23",
      "!has(self.experiments) || self.experiments.all(e, self.experiments.filter(x, x.layer == e.layer).map(x, x.trafficPercent).sum() <= 100)",
      "the trafficPercents of one layer must not exceed 100",
    ),
  ],
);

export type Serving = z.output<typeof serving>;
export type ServingRule = z.output<typeof servingRule>;
