/** What the pipeline promises; alert rules compare with it. */
import type { z } from "zod";
import { integer, object } from "./fields.ts";

export const objectives = object("Bounds that the condition ObjectivesMet and the alert rules compare with.", {
  freshnessSeconds: integer("From activity received to recommendations changed.", {
    min: 1,
    max: 86_400,
    unit: "seconds",
  }).default(5),
  lag: integer("Records that wait to be read.", { min: 1, max: 1_000_000_000, unit: "records" }).default(100_000),
  latencyMilliseconds: integer("Within which 99 of 100 requests are answered.", {
    min: 1,
    max: 60_000,
    unit: "milliseconds",
  }).default(20),
  modelAgeHours: integer("Since the served model was trained.", { min: 1, max: 8760, unit: "hours" }).default(24),
});

export type Objectives = z.output<typeof objectives>;
