/** What a process says last: to a person, and to Kubernetes and through it the operator. */
import { existsSync, writeFileSync } from "node:fs";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { reasonOf } from "../processes/startup.ts";
import type { LastWords } from "../role-report/index.ts";
import type { TrainingResult } from "../trainer/index.ts";
import { CommandError } from "./resource.ts";

/** Where Kubernetes reads what a container said last. */
const FILE = "/dev/termination-log";
const MAX_BYTES = 4_096;
const MAX_REASON_CHARACTERS = 120;
const MAX_CANDIDATES = 16;

/** Why the process ends. @returns what to throw for a person */
export function ended(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  sayLast({ reason: reasonOf(error), message: error.message });
  return "code" in error && error.code !== "" ? new CommandError(error.message) : error;
}

/** What does not fit is cut off its message. Outside of a pod nothing is written. */
export function sayLast(words: LastWords): void {
  if (existsSync(FILE)) writeFileSync(FILE, fitted(words));
}

/** As JSON of at most 4,096 bytes. */
export function fitted({ message = "", ...words }: LastWords): string {
  const withMessage = (length: number) => JSON.stringify({ ...words, message: message.slice(0, length) });
  if (message === "") return JSON.stringify(words);
  let length = message.length;
  for (let over = 1; over > 0 && length > 0; ) {
    over = Buffer.byteLength(withMessage(length)) - MAX_BYTES;
    if (over > 0) length = Math.max(0, length - Math.ceil(over / 3));
  }
  return withMessage(length);
}

/** Of a training run, as `status.training` has it. */
export function wordsOf({ result, versions, notices }: TrainingResult, { spec }: RecommenderPipeline): LastWords {
  const { metric, k } = spec.training.evaluation;
  const judgedBy = `${metric}@${k}`.toLowerCase();
  const fault = result === "Refused" ? faultOf(versions) : undefined;
  const said = [...(fault === undefined ? [] : [`${fault.algorithm}: ${fault.reason}`]), ...notices];
  return {
    result,
    memoryBytes: process.resourceUsage().maxRSS * 1_024,
    ...(fault?.cause === "Degenerate" || fault?.cause === "LeakDetected" ? { reason: fault.cause } : {}),
    ...(said.length === 0 ? {} : { message: said.join("; ") }),
    candidates: versions.slice(0, MAX_CANDIDATES).map(({ algorithm, status, champion, reason, metrics, lift }) => {
      const [, score] = Object.entries(metrics).find(([name]) => name.toLowerCase() === judgedBy) ?? [];
      return {
        algorithm,
        verdict: champion ? result : status,
        ...(score === undefined ? {} : { score: score.toFixed(4) }),
        ...(lift === null ? {} : { liftPercent: lift.percent.toFixed(1) }),
        ...(reason === "" ? {} : { reason: reason.slice(0, MAX_REASON_CHARACTERS) }),
      };
    }),
  };
}

/** What a person should look at first: a leak, then models that tell nothing apart, then what was not good enough. */
function faultOf(versions: TrainingResult["versions"]): TrainingResult["versions"][number] | undefined {
  const causes = ["LeakDetected", "Degenerate", "TooLarge", "TooSlow", "Failed", "GateRefused"];
  return versions
    .filter(({ cause }) => cause !== null)
    .toSorted((a, b) => causes.indexOf(a.cause ?? "") - causes.indexOf(b.cause ?? ""))[0];
}
