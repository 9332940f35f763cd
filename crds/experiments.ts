/** Experiments: visitors are shared out over arms, and the arms are compared. */
import type { z } from "zod";
import { choice, ENTRY_NAME, entryName, integer, listMap, object, rule, setOf, text } from "./fields.ts";
import { STANDING_ALGORITHMS, TRAINED_ALGORITHMS } from "./training.ts";

const arm = object("One way to answer.", {
  name: entryName("Name of the arm. One arm is named control: the others are compared with it."),
  percent: integer("Share of the experiment's visitors. The shares of all arms add up to 100.", {
    min: 0,
    max: 100,
    unit: "percent",
  }),
  algorithm: choice("What answers in this arm. Absent: as without the experiment.", [
    ...TRAINED_ALGORITHMS,
    ...STANDING_ALGORITHMS,
  ]).optional(),
  withoutRules: setOf(
    "Rules of serving.rules that do not act in this arm.",
    { max: 16 },
    text("Name of a rule.", 63, ENTRY_NAME),
  ).optional(),
});

const guardrail = object("A bound that ends the experiment when an arm breaks it.", {
  metric: choice("What is watched.", ["ClickRate", "ConversionRate", "RevenuePerUser", "ErrorRate", "Latency"]),
  maxDropPercent: integer("An arm may be worse than control by this much.", {
    min: 1,
    max: 100,
    unit: "percent",
  }).default(5),
});

export const experiment = object(
  "A comparison of arms on live visitors.",
  {
    name: entryName("Name of the experiment, also in each exposure that is stored."),
    layer: entryName(
      "A visitor is in at most one experiment of a layer; experiments of different layers are independent.",
    ).default("default"),
    trafficPercent: integer("Share of all visitors that takes part.", { min: 1, max: 100, unit: "percent" }).default(
      100,
    ),
    metric: choice("What decides.", ["ClickRate", "ConversionRate", "RevenuePerUser"]).default("ConversionRate"),
    arms: listMap("The ways to answer that are compared. Cannot change while it runs.", { min: 2, max: 8 }, arm),
    guardrails: listMap(
      "Bounds that end the experiment early, one a metric.",
      { max: 4 },
      guardrail,
      "metric",
    ).optional(),
  },
  [
    rule("V21", "self.arms.map(a, a.percent).sum() == 100", "the percents of the arms must add up to 100"),
    rule(
      "V21",
      "self.arms.exists_one(a, a.name == 'control')",
      "one arm must be named control: the others are compared with it",
    ),
    rule(
      "V22",
      "self.arms == oldSelf.arms && self.metric == oldSelf.metric",
      "arms and metric of a running experiment cannot change: remove it and start another under a new name",
    ),
  ],
);

export type Experiment = z.output<typeof experiment>;
