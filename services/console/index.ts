export { type Console, type ConsoleOptions, startConsole } from "./console.ts";
export type {
  AdminKey,
  ConsoleAccess,
  ConsolePorts,
  DeadLettersPort,
  ModelsPort,
  Moved,
  PipelineState,
} from "./ports.ts";
