/** Each role as a process of its own, as a cluster runs them. */
export { startCollectorRole } from "./collector.ts";
export { startConsumeRole } from "./consume.ts";
export { type DeadLetters, withDeadLetters } from "./dead-letters.ts";
export { type CleanedUp, type JobOptions, type Migrated, runCleanup, runMigration, runTraining } from "./jobs.ts";
export { type Role, type RoleContext, type RoleOptions, type RunningRole, runRole } from "./role.ts";
export { mountedSecrets, SecretMissingError, type Secrets } from "./secrets.ts";
export { startServeRole } from "./serve.ts";
export { reasonOf } from "./startup.ts";
