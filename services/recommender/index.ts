export { ACTOR_LIMITS, type ActorLimits } from "./actors.ts";
export type { SeenPolicy } from "./history.ts";
export type { Counted, Inspection, ListedItem, PastEvent, SimilarItems } from "./inspection.ts";
export { OPEN_API } from "./openapi.ts";
export {
  type MemoryLimits,
  type Recommender,
  type RecommenderOptions,
  type RecommenderStatus,
  type ServedVersionStatus,
  type ServingOptions,
  startRecommender,
} from "./recommender.ts";
export type { RawRequest } from "./request.ts";
