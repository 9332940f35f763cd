export { type Console, type ConsoleOptions, startConsole } from "./console.ts";
export type { AdminKey, ConsoleAccess, ConsolePorts, DeadLettersPort, ModelsPort, PipelineState } from "./ports.ts";
