export type { Clock } from "./pace.ts";
export { type Replayed, type ReplayOptions, type ReplayTarget, replay } from "./replay.ts";
export {
  openReplaySource,
  REPLAY_FORMATS,
  type ReplayFormat,
  type ReplayRecord,
  type ReplaySource,
  ReplaySourceError,
} from "./sources/index.ts";
