/** What any operator is made of: objects watched, keys worked on, one leader, writes only where something differs. */

export { type ClusterAccess, kubeconfigAccess, podAccess, SERVICE_ACCOUNT_FOLDER } from "./access.ts";
export { ApiError, ConnectionError, isNotFound, isTransient } from "./api-error.ts";
export { type ApiServer, type ApiServerOptions, connectApiServer } from "./api-server.ts";
export { type ApplyOptions, apply, find, remove } from "./apply.ts";
export { startController } from "./controller.ts";
export { type EventNote, type EventRecorder, eventRecorder } from "./events.ts";
export {
  apiVersionOf,
  type KubeObject,
  keyOf,
  type ObjectMeta,
  type OwnerReference,
  pathOf,
  type ResourceKind,
  splitKey,
} from "./kinds.ts";
export { LEASE, type LeaderElection, startLeaderElection } from "./leader-election.ts";
export { type ControllerMetrics, controllerMetrics } from "./metrics.ts";
export { difference, holdsField, ownedFields } from "./ownership.ts";
export { type CacheTrouble, startWatchCache, type WatchCache, type WatchCacheOptions } from "./watch-cache.ts";
export { startWorkQueue, type WorkQueue } from "./work-queue.ts";
