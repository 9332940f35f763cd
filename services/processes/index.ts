/**
 * Each role as a process of its own, as a cluster runs them. What starts a role is imported from its own file, so that
 * its process loads nothing of the others.
 */
export { type DeadLetters, withDeadLetters } from "./dead-letters.ts";
export type { CleanedUp, JobOptions, Migrated } from "./jobs.ts";
export { type Models, withModels } from "./models.ts";
export type { Role, RoleContext, RoleOptions, RoleStatus, RunningRole } from "./role.ts";
