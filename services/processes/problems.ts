/** What keeps a role from its work, in the words of the resource's conditions. Pure. */
import type { FailureCause } from "../clickhouse/index.ts";
import type { ConsumerStatus } from "../consumer/index.ts";
import type { RecommenderStatus } from "../recommender/index.ts";
import type { Problem } from "../role-report/index.ts";
import { reasonOf } from "./startup.ts";

/** Causes that say something of ClickHouse itself, in lower case; others pass, or concern rows. */
const SINK_REASONS: ReadonlyMap<string, string> = new Map<Lowercase<FailureCause>, string>([
  ["unreachable", "Unreachable"],
  ["timeout", "Unreachable"],
  ["credentials", "AuthenticationFailed"],
  ["rights", "NotAuthorized"],
  ["storage", "ReadOnly"],
]);

type Told = Pick<ConsumerStatus, "state" | "cause" | "problem" | "lag">;

/** @param brokers what they failed with since they last said how far they are; `null`: nothing */
export function consumerProblems(status: Told, brokers: Error | null): Problem[] {
  const { state, cause, problem = "" } = status;
  const ended = state === "Stopped" || state === "Failed";
  const problems: Problem[] = [];
  if (!ended && (cause === "log" || (status.lag === null && brokers !== null))) {
    const reason = brokers === null ? "Unreachable" : reasonOf(brokers);
    problems.push({ about: "Source", reason, message: brokers?.message ?? problem });
  }
  if (state === "Failed") problems.push({ about: "Role", reason: "Failed", message: problem });
  if (cause === undefined || cause === "log") return problems;
  return [...problems, sinkProblem(cause.replace(/^clickhouse_/, ""), problem)];
}

export function recommenderProblems(
  status: Pick<RecommenderStatus, "error" | "errorCause" | "refused" | "signals">,
): Problem[] {
  const { error, errorCause, refused, signals } = status;
  const problems: Problem[] = [];
  if (error !== null) problems.push(sinkProblem(errorCause?.toLowerCase() ?? "", error));
  for (const { slot, version, reason: found, pinned } of refused) {
    const reason = pinned ? "PinnedVersionMissing" : "LoadFailed";
    problems.push({ about: "Model", reason, message: `${slot} ${version} is refused: ${found}` });
  }
  if (signals.error !== null) problems.push({ about: "Source", reason: "Unreachable", message: signals.error });
  return problems;
}

function sinkProblem(cause: string, message: string): Problem {
  const reason = SINK_REASONS.get(cause);
  return reason === undefined ? { about: "Role", reason: "Retrying", message } : { about: "Sink", reason, message };
}

/** What fits into a report. */
export function shortened(problems: readonly Problem[]): Problem[] {
  return problems.slice(0, 16).map((problem) => ({ ...problem, message: problem.message.slice(0, 2_000) }));
}
