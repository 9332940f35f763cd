/** When models are trained, on what, and what one must show before it is served. */
import type { z } from "zod";
import { choice, flag, integer, mapOf, object, rule, setOf, text } from "./fields.ts";
import { resources, rolePods } from "./pods.ts";

/** Algorithms that are trained and judged. */
export const TRAINED_ALGORITHMS = [
  "itemNeighbours",
  "userNeighbours",
  "factorisation",
  "sessionNeighbours",
  "content",
  "neural",
  "hybrid",
] as const;

/** Algorithms that are always there: they answer until there is a model, and for whom it knows nothing. */
export const STANDING_ALGORITHMS = ["popular", "trending", "latest"] as const;

const evaluation = object("How a candidate is judged: on the newest activity, which it was not trained on.", {
  holdoutHours: integer("The last hours of activity, kept from training and used for judging.", {
    min: 1,
    max: 8760,
    unit: "hours",
  }).default(24),
  metric: choice("What candidates are compared by.", ["NDCG", "Recall", "MRR", "HitRate", "MAP"]).default("NDCG"),
  k: integer("Length of the list that is judged.", { min: 1, max: 100, unit: "items" }).default(20),
});

const gate = object(
  "What a candidate must show. Recipes (algorithm and parameters) are compared, each fitted on data before the " +
    "holdout; the winner is fitted again on all of it.",
  {
    minLiftPercent: integer(
      "A new recipe must be better than the one in service by more than this, at the lower end of the paired interval.",
      { min: 0, max: 100, unit: "percent" },
    ).default(0),
    maxDropPercent: integer(
      "The same recipe on newer data must not be worse by more than this, at the lower end of the paired interval.",
      { min: 0, max: 50, unit: "percent" },
    ).default(1),
    confidencePercent: integer("Confidence of the interval.", { min: 80, max: 99, unit: "percent" }).default(95),
    minCoveragePercent: integer(
      "Share of the items, as far as the judged lists have room for them, that must appear in the lists.",
      {
        min: 0,
        max: 100,
        unit: "percent",
      },
    ).default(5),
    maxModelMegabytes: integer("A larger model is not published: recommenders hold it in memory.", {
      min: 1,
      max: 1_000_000,
      unit: "megabytes",
    }).default(1024),
  },
);

const tuning = object("Searches better parameters in each run. Absent: none; {}: with defaults.", {
  trials: integer("Settings that are tried for each algorithm.", { min: 1, max: 1000, unit: "trials" }).default(20),
  timeoutMinutes: integer("When the search ends at the latest. Below training.timeoutMinutes.", {
    min: 1,
    max: 1440,
    unit: "minutes",
  }).default(30),
});

export const training = object(
  "Trains, judges and publishes models on a schedule.",
  {
    suspend: flag("Start no runs. What is served stays.").default(false),
    schedule: text(
      "Cron expression of five fields. Absent: every 30 minutes, at a minute that differs from pipeline to pipeline.",
      100,
    ).optional(),
    timeZone: text("IANA time zone of the schedule.", 64).default("Etc/UTC"),
    timeoutMinutes: integer("A run that takes longer is ended and counts as failed.", {
      min: 1,
      max: 1440,
      unit: "minutes",
    }).default(120),
    lookbackDays: integer("How far back activity is trained on, counted from the latest of it.", {
      min: 1,
      max: 3650,
      unit: "days",
    }).default(90),
    minEvents: integer("With fewer, a run ends as NotEnoughData, which is no failure.", {
      min: 1,
      max: 1_000_000_000,
      unit: "events",
    }).default(1000),
    weights: mapOf(
      "What an event counts in training, by its name; others count nothing. Replaced as a whole, not merged.",
      64,
      integer("Weight of one such event.", { min: 0, max: 1000 }),
    ).default({ view: 1, click: 1, add_to_cart: 3, purchase: 8 }),
    halfLifeDays: integer("Age at which an event counts half.", { min: 1, max: 3650, unit: "days" }).default(30),
    algorithms: setOf(
      "Algorithms that compete. hybrid ranks the candidates of the others.",
      { min: 1, max: 7 },
      choice("An algorithm.", TRAINED_ALGORITHMS),
    ).default(["itemNeighbours", "sessionNeighbours", "hybrid"]),
    evaluation: evaluation.prefault({}),
    gate: gate.prefault({}),
    tuning: tuning.optional(),
    keepVersions: integer("Versions that are kept, to go back to.", { min: 2, max: 100, unit: "versions" }).default(5),
    resources: resources.optional(),
    pods: rolePods.optional(),
  },
  [
    rule(
      "V15",
      "!has(self.algorithms) || !('hybrid' in self.algorithms) || self.algorithms.size() > 1",
      "hybrid ranks the candidates of other algorithms: name at least one",
    ),
    rule(
      "V16",
      "!has(self.evaluation) || !has(self.lookbackDays) || self.evaluation.holdoutHours < self.lookbackDays * 24",
      "evaluation.holdoutHours must be shorter than lookbackDays",
    ),
    rule(
      "V17",
      "!has(self.tuning) || self.tuning.timeoutMinutes < self.timeoutMinutes",
      "tuning.timeoutMinutes must be below timeoutMinutes",
    ),
  ],
);

export type Training = z.output<typeof training>;
