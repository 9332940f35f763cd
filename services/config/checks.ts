/** What CEL cannot check, each at the smallest part of the spec that it concerns. */
import type { Catalog, Experiment, PipelineSpec, ServingRule, Topic } from "../../crds/index.ts";
import { isRecord, valueAt } from "./defaults.ts";
import { type Finding, type Path, startsWith } from "./fault.ts";
import { checkSchedule } from "./schedule.ts";
import { checkArm, checkRule } from "./serving.ts";
import { checkTimeZone } from "./time-zone.ts";
import { checkAttribute, checkReadable, checkTopic } from "./topics.ts";

interface Check {
  /** Below the spec; `*` stands for every entry of a list. */
  readonly at: Path;
  /** What else must have the right shape, below the spec. */
  readonly reads: readonly Path[];
  readonly findings: (part: unknown, path: Path, spec: PipelineSpec) => readonly Finding[];
}

/** The part has the type that the schema gives it at this place: checks of misshapen parts are left out. */
function check<Part>(
  at: string,
  reads: readonly string[],
  findings: (part: Part, path: Path, spec: PipelineSpec) => readonly Finding[],
): Check {
  return {
    at: at.split("."),
    reads: reads.map((path) => path.split(".")),
    findings: (part, path, spec) => findings(part as Part, path, spec),
  };
}

const OF_PARTS: readonly Check[] = [
  check<Topic>("source.topics.*", ["catalog"], checkTopic),
  check<NonNullable<Catalog["attributes"]>[number]>("catalog.attributes.*", [], checkAttribute),
  check<string>("training.schedule", [], checkSchedule),
  check<string>("training.timeZone", [], checkTimeZone),
  check<ServingRule>("serving.rules.*", ["catalog"], checkRule),
  check<Experiment["arms"][number]>("serving.experiments.*.arms.*", ["training.algorithms", "serving.rules"], checkArm),
];

const OF_WHOLES: readonly Check[] = [check<Topic>("source.topics.*", ["catalog", "privacy"], checkReadable)];

/**
 * @param spec with defaults filled in.
 * @param misshapen fields of another type than the schema's, from the root of the resource.
 */
export function checkParts(spec: unknown, misshapen: readonly Path[]): Finding[] {
  return run(OF_PARTS, spec, misshapen);
}

/** @param faulty all that was found so far: what has a fault already is not judged as a whole. */
export function checkWholes(spec: unknown, faulty: readonly Path[]): Finding[] {
  return run(OF_WHOLES, spec, faulty);
}

function run(checks: readonly Check[], spec: unknown, unsound: readonly Path[]): Finding[] {
  const sound = (path: Path) => !unsound.some((bad) => startsWith(bad, path) || startsWith(path, bad));
  return checks.flatMap(({ at, reads, findings }) => {
    if (!reads.every((path) => sound(["spec", ...path]))) return [];
    return places(spec, at, ["spec"])
      .filter(({ path }) => sound(path))
      .flatMap(({ part, path }) => findings(part, path, spec as PipelineSpec));
  });
}

interface Place {
  readonly part: unknown;
  readonly path: Path;
}

function places(part: unknown, at: Path, path: Path): Place[] {
  const [step, ...rest] = at;
  if (part === undefined) return [];
  if (step === undefined) return [{ part, path }];
  if (step !== "*") return isRecord(part) ? places(valueAt(part, [step]), rest, [...path, step]) : [];
  return Array.isArray(part) ? part.flatMap((entry, index) => places(entry, rest, [...path, index])) : [];
}
