#!/usr/bin/env node
import { Command } from "commander";
import { settleProcess } from "./process-settings.ts";
import { CommandError } from "./resource.ts";
import { endOnSignal } from "./signals.ts";

/** Each is loaded when it is asked for: a role's memory holds nothing of the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  local: async () => (await import("./local.ts")).localCommand(),
  replay: async () => (await import("./replay.ts")).replayCommand(),
  simulate: async () => (await import("./simulate.ts")).simulateCommand(),
  shop: async () => (await import("./shop.ts")).shopCommand(),
  evaluate: async () => (await import("./evaluate.ts")).evaluateCommand(),
  models: async () => (await import("./models.ts")).modelsCommand(),
  "dead-letters": async () => (await import("./dead-letters.ts")).deadLettersCommand(),
  validate: async () => (await import("./validate.ts")).validateCommand(),
  migrate: async () => (await import("./roles.ts")).migrateCommand(),
  collector: async () => (await import("./roles.ts")).collectorCommand(),
  consume: async () => (await import("./roles.ts")).consumeCommand(),
  train: async () => (await import("./roles.ts")).trainCommand(),
  cleanup: async () => (await import("./roles.ts")).cleanupCommand(),
  serve: async () => (await import("./roles.ts")).serveCommand(),
  render: async () => (await import("./render.ts")).renderCommand(),
  operator: async () => (await import("./operator.ts")).operatorCommand(),
};

const [word = ""] = process.argv.slice(2);
settleProcess(word);
endOnSignal();

const program = new Command("productmatcher")
  .description("Real-time recommendations for a shop, from one resource")
  .showHelpAfterError("(--help says more)");
const named = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
// Without a command's name all are listed.
for (const load of named === undefined ? Object.values(COMMANDS) : [named]) program.addCommand(await load());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error.exitCode;
}
