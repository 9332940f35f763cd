/** What keeps a role from its work, in the words of the resource's conditions. Pure. */
import type { FailureCause } from "../clickhouse/index.ts";
import type { ConsumerStatus } from "../consumer/index.ts";
import type { RecommenderStatus } from "../recommender/index.ts";
import type { Problem } from "../role-report/index.ts";
import { reasonOf } from "./startup.ts";

/** Causes that say something of ClickHouse itself; others pass, or concern rows. */
const SINK_REASONS: Readonly<Partial<Record<FailureCause, string>>> = {
  Unreachable: "Unreachable",
  Timeout: "Unreachable",
  Credentials: "AuthenticationFailed",
  Rights: "NotAuthorized",
  Storage: "ReadOnly",
};

type Told = Pick<ConsumerStatus, "state" | "cause" | "problem" | "lag">;

/** @param brokers what the brokers failed with last */
export function consumerProblems(status: Told, brokers: Error | null): Problem[] {
  const { state, cause, problem = "" } = status;
  const ended = state === "Stopped" || state === "Failed";
  const problems: Problem[] = [];
  if (!ended && (status.lag === null || cause === "log")) {
    const message = brokers?.message ?? (problem === "" ? "the brokers do not say how far they are" : problem);
    problems.push({ about: "Source", reason: brokers === null ? "Unreachable" : reasonOf(brokers), message });
  }
  if (state === "Failed") problems.push({ about: "Role", reason: "Failed", message: problem });
  if (cause === undefined || cause === "log") return problems;
  const ofSink = Object.entries(SINK_REASONS).find(([name]) => cause === `clickhouse_${name.toLowerCase()}`)?.[1];
  const kind = cause.startsWith("clickhouse_") && ofSink !== undefined;
  problems.push(
    kind
      ? { about: "Sink", reason: ofSink, message: problem }
      : { about: "Role", reason: "Retrying", message: problem },
  );
  return problems;
}

export function recommenderProblems(
  status: Pick<RecommenderStatus, "error" | "errorCause" | "refused" | "signals">,
): Problem[] {
  const { error, errorCause, refused, signals } = status;
  const problems: Problem[] = [];
  if (error !== null) {
    const reason = errorCause === null ? undefined : SINK_REASONS[errorCause];
    problems.push(
      reason === undefined
        ? { about: "Role", reason: "Retrying", message: error }
        : { about: "Sink", reason, message: error },
    );
  }
  for (const { algorithm, version, reason } of refused) {
    problems.push({ about: "Model", reason: "LoadFailed", message: `${algorithm} ${version} is refused: ${reason}` });
  }
  if (signals.error !== null) problems.push({ about: "Source", reason: "Unreachable", message: signals.error });
  return problems;
}

/** What fits into a report. */
export function shortened(problems: readonly Problem[]): Problem[] {
  return problems.slice(0, 16).map((problem) => ({ ...problem, message: problem.message.slice(0, 2_000) }));
}
