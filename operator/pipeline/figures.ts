/** Gauges of each pipeline: its conditions, and the objectives that alert rules compare with. */
import { Gauge, type Registry } from "prom-client";
import type { Condition, Objectives } from "../../crds/index.ts";
import { splitKey } from "../runtime/index.ts";

export interface PipelineFigures {
  show(key: string, conditions: readonly Condition[], objectives: Objectives | undefined): void;
  forget(key: string): void;
}

const STATUSES = ["True", "False", "Unknown"] as const;

export function pipelineFigures(registry: Registry): PipelineFigures {
  const registers = [registry];
  const condition = new Gauge({
    name: "productmatcher_pipeline_condition",
    help: "1 at the status that the condition has",
    labelNames: ["namespace", "pipeline", "type", "status"],
    registers,
  });
  const objective = new Gauge({
    name: "productmatcher_pipeline_objective",
    help: "What spec.objectives allows, in the unit of the field's name",
    labelNames: ["namespace", "pipeline", "objective"],
    registers,
  });
  const shown = new Map<string, { readonly types: Set<string>; readonly objectives: Set<string> }>();

  const labels = (key: string) => {
    const { namespace, name } = splitKey(key);
    return { namespace, pipeline: name };
  };
  const dropType = (key: string, type: string) => {
    for (const status of STATUSES) condition.remove({ ...labels(key), type, status });
  };

  return {
    show(key, conditions, objectives) {
      const before = shown.get(key);
      const types = new Set(conditions.map(({ type }) => type));
      for (const type of before?.types ?? []) if (!types.has(type)) dropType(key, type);
      for (const { type, status } of conditions) {
        for (const each of STATUSES) condition.set({ ...labels(key), type, status: each }, each === status ? 1 : 0);
      }
      const wanted = Object.entries(objectives ?? {});
      for (const [name, value] of wanted) objective.set({ ...labels(key), objective: name }, value);
      const known = objectives === undefined ? before?.objectives : new Set(wanted.map(([name]) => name));
      shown.set(key, { types, objectives: known ?? new Set() });
    },
    forget(key) {
      const before = shown.get(key);
      for (const type of before?.types ?? []) dropType(key, type);
      for (const name of before?.objectives ?? []) objective.remove({ ...labels(key), objective: name });
      shown.delete(key);
    },
  };
}
