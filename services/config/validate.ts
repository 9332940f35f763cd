/** Whether one resource is valid, as the API server and the operator would judge it together. */
import { pipelineSchema, type RecommenderPipeline } from "../../crds/index.ts";
import { checkParts, checkWholes } from "./checks.ts";
import { valueAt, withDefaults } from "./defaults.ts";
import { type Finding, pathText } from "./fault.ts";
import { checkRules } from "./rules.ts";
import { checkShape } from "./shape.ts";

export interface Validation {
  /** With every default filled in; absent when there are faults. */
  readonly pipeline?: RecommenderPipeline;
  readonly faults: readonly Finding[];
  /** What is allowed and most likely not meant. */
  readonly notes: readonly string[];
}

/**
 * Checks a document of kind RecommenderPipeline: its shape, the CEL rules, and what CEL cannot check. All faults are
 * told at once; a rule or check that would read a field of the wrong shape is left out.
 *
 * @param old the resource before the change, for the rules on what may not change.
 */
export function validatePipeline(document: unknown, { old }: { readonly old?: unknown } = {}): Validation {
  const { value, empty } = withDefaults(pipelineSchema, document);
  const { pipeline, findings, misshapen } = checkShape(value);
  const former = old === undefined ? undefined : withDefaults(pipelineSchema, old).value;
  const broken = checkRules({ value, old: former, misshapen });
  const spec = valueAt(value, ["spec"]);
  const parts = [...findings, ...broken, ...checkParts(spec, misshapen)];
  const faulty = parts.map(({ path }) => path);
  const faults = [...parts, ...checkWholes(spec, faulty)];
  const notes = empty.map(
    (path) => `${pathText(path)} has no value and counts as absent; write {} to switch a part on`,
  );
  return pipeline === undefined || faults.length > 0 ? { faults, notes } : { pipeline, faults, notes };
}
