/** All that a status is decided from: what was asked for, what was done, what was seen. */
import type { PipelineSpec, PipelineStatus } from "../../crds/index.ts";
import type { Problem, RoleReport } from "../../services/role-report/index.ts";
import type { KubeObject } from "../runtime/index.ts";
import type { Plan } from "./compile.ts";
import type { StandingRole } from "./names.ts";
import type { Trouble } from "./pods.ts";

/** What came of making the children. */
export interface Realized {
  /** Against the configuration, or a child: the gravest first. */
  readonly fault: Trouble | null;
  /** What could not be done now and is tried again. */
  readonly retry: Trouble | null;
  /** Roles that are not made, or not made anew, yet. */
  readonly waiting: Readonly<Partial<Record<StandingRole, "WaitingForMigration" | "WaitingForConsumers">>>;
}

/** What a status needs of a plan. */
export type Facts = Pick<Plan, "image" | "prefix" | "database" | "roles" | "urls"> & {
  readonly migrationHash: string;
  readonly migrationJob: string;
  readonly spec: PipelineSpec;
  readonly selector: string;
};

/** What a pod answered; `null`: nothing within the time. */
export interface Asked {
  readonly pod: string;
  readonly role: StandingRole;
  readonly report: RoleReport | null;
}

export interface Sight {
  readonly resource: KubeObject;
  /** What the status said before. */
  readonly previous: PipelineStatus;
  /** Of the configuration in force; `null`: none has been valid since this process began. */
  readonly facts: Facts | null;
  /** `null`: paused. */
  readonly realized: Realized | null;
  /** By role. */
  readonly deployments: Readonly<Partial<Record<StandingRole, KubeObject>>>;
  /** Of all roles; without those that are being ended. */
  readonly pods: readonly KubeObject[];
  /** Of the pipeline, and of its CronJob. */
  readonly jobs: readonly KubeObject[];
  /** `null`: the roles were not asked yet. */
  readonly asked: readonly Asked[] | null;
  readonly objectives: ObjectiveState;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Since when the objectives are judged otherwise than the condition says; `null`: they are not. */
export interface ObjectiveState {
  readonly differsSince: number | null;
}

/** What roles of a kind say, of those that answered. */
export function reportsOf(sight: Sight, role: StandingRole): RoleReport[] {
  return (sight.asked ?? []).flatMap((asked) => (asked.role === role && asked.report !== null ? [asked.report] : []));
}

export function problemsOf(sight: Sight, about: Problem["about"], roles: readonly StandingRole[]): Problem[] {
  return roles
    .flatMap((role) => reportsOf(sight, role))
    .flatMap(({ problems }) => problems.filter((problem) => problem.about === about));
}
