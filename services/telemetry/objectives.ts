import { Gauge, type Registry } from "prom-client";

/** What `spec.objectives` of pipelines allows, for alert rules and dashboards to compare with. */
export function objectiveGauge(registry: Registry): Gauge<"namespace" | "pipeline" | "objective"> {
  return new Gauge({
    name: "productmatcher_pipeline_objective",
    help: "What spec.objectives allows, in the unit of the field's name",
    labelNames: ["namespace", "pipeline", "objective"],
    registers: [registry],
  });
}
