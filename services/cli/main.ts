#!/usr/bin/env node
import { Command } from "commander";
import { deadLettersCommand } from "./dead-letters.ts";
import { evaluateCommand } from "./evaluate.ts";
import { localCommand } from "./local.ts";
import { modelsCommand } from "./models.ts";
import { operatorCommand } from "./operator.ts";
import { settleProcess } from "./process-settings.ts";
import { renderCommand } from "./render.ts";
import { replayCommand } from "./replay.ts";
import { CommandError } from "./resource.ts";
import { collectorCommand, consumeCommand, migrateCommand, serveCommand, trainCommand } from "./roles.ts";
import { simulateCommand } from "./simulate.ts";
import { validateCommand } from "./validate.ts";

settleProcess(process.argv[2]);

const program = new Command("productmatcher")
  .description("Real-time recommendations for a shop, from one resource")
  .showHelpAfterError("(--help says more)")
  .addCommand(localCommand())
  .addCommand(replayCommand())
  .addCommand(simulateCommand())
  .addCommand(evaluateCommand())
  .addCommand(modelsCommand())
  .addCommand(deadLettersCommand())
  .addCommand(validateCommand())
  .addCommand(migrateCommand())
  .addCommand(collectorCommand())
  .addCommand(consumeCommand())
  .addCommand(trainCommand())
  .addCommand(serveCommand())

  .addCommand(renderCommand())
  .addCommand(operatorCommand());

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error.exitCode;
}
