export {
  type DataFolder,
  DataFolderError,
  type DataFolderErrorCode,
  openDataFolder,
  resetDataFolder,
} from "./data-folder.ts";
export { type EmbeddedPipeline, openPipeline } from "./pipeline.ts";
export { type LocalOptions, type LocalProgress, type RunningLocal, runLocal, type SimulationOptions } from "./run.ts";
export { countTopics, type TopicCount } from "./topic-counts.ts";
