import { Command } from "commander";
import type { ListedVersion } from "../clickhouse/index.ts";
import type { Moved, Registry, TrainingResult } from "../trainer/index.ts";
import { adminClient, dataDirOption, urlOption } from "./admin-client.ts";
import { accessModels, type ModelAccessOptions } from "./model-access.ts";
import { comparison, description, listText } from "./model-text.ts";
import { fileOption, secretsOption } from "./options.ts";
import { CommandError } from "./resource.ts";

type ModelsOptions = ModelAccessOptions & { readonly json?: true };

export function modelsCommand(): Command {
  return new Command("models")
    .description("Look at models, compare them, serve another one or go back, or train now")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(compareCommand())
    .addCommand(promoteCommand())
    .addCommand(rollbackCommand())
    .addCommand(trainCommand())
    .addHelpText(
      "after",
      `
They are asked of the pipeline that answers at --url, or of the one in --data-dir; with --file of the resource's own
ClickHouse, whose secrets are read from --secrets.

Examples:
  $ productmatcher models list
  $ productmatcher models rollback
  $ productmatcher models list -f storefront.yaml --secrets ./secrets`,
    );
}

function command(name: string): Command {
  return new Command(name)
    .addOption(urlOption())
    .addOption(dataDirOption())
    .addOption(fileOption())
    .addOption(secretsOption())
    .option("--json", "print as JSON");
}

function listCommand(): Command {
  return command("list")
    .description("Versions, the newest first, with what they were judged at; * is served, ** answers users")
    .addHelpText("after", "\nExample:\n  $ productmatcher models list --json")
    .action(async (options: ModelsOptions) => {
      const registry = await accessModels(options, (models) => models.registry());
      console.log(options.json ? JSON.stringify(registry, null, 2) : listText(registry));
    });
}

function showCommand(): Command {
  return command("show")
    .description("All that is known of a version; without one, of that which answers users")
    .argument("[version]", "such as hybrid-20261123T064100Z-1a2b, or an alias such as itemNeighbours")
    .addHelpText("after", "\nExample:\n  $ productmatcher models show itemNeighbours")
    .action(async (name: string | undefined, options: ModelsOptions) => {
      const registry = await accessModels(options, (models) => models.registry());
      const version = find(registry, name ?? "champion");
      console.log(options.json ? JSON.stringify(version, null, 2) : description(version, registry));
    });
}

function compareCommand(): Command {
  return command("compare")
    .description("Two versions beside each other: figures, parameters, data")
    .argument("<version>", "or an alias")
    .argument("[other]", "or an alias; that which answers users when absent")
    .addHelpText("after", "\nExample:\n  $ productmatcher models compare itemNeighbours champion")
    .action(async (name: string, other: string | undefined, options: ModelsOptions) => {
      const registry = await accessModels(options, (models) => models.registry());
      const versions = [find(registry, name), find(registry, other ?? "champion")] as const;
      console.log(options.json ? JSON.stringify(versions, null, 2) : comparison(...versions));
    });
}

function promoteCommand(): Command {
  return command("promote")
    .description("Have a version answer users from now on, whatever the gate said")
    .argument("<version>", "a published version whose rows are there")
    .addHelpText(
      "after",
      `
The next training run compares with it and may take its place; serving.model.pinnedVersion in the resource holds it.

Example:
  $ productmatcher models promote itemNeighbours-20261123T064100Z-1a2b`,
    )
    .action(async (version: string, options: ModelsOptions) => {
      const moved = await accessModels(options, (models) => models.promote(version));
      console.log(options.json ? JSON.stringify(moved) : movedText(moved));
    });
}

function rollbackCommand(): Command {
  return command("rollback")
    .description("Have the version answer users that did so before the present one; again: the one before that")
    .addHelpText(
      "after",
      `
The next training run compares with it and may take its place; serving.model.pinnedVersion in the resource holds it.

Example:
  $ productmatcher models rollback`,
    )
    .action(async (options: ModelsOptions) => {
      const moved = await accessModels(options, (models) => models.rollBack());
      console.log(options.json ? JSON.stringify(moved) : movedText(moved));
    });
}

function movedText({ version, replaces }: Moved): string {
  return `${version} answers users${replaces === null ? "" : ` in place of ${replaces}`}; recommenders take it over within seconds.`;
}

/** @throws CommandError */
function find({ aliases, versions }: Registry, name: string): ListedVersion {
  const version = versions.find((listed) => listed.version === (aliases[name] ?? name));
  if (version !== undefined) return version;
  if (name === "champion") throw new CommandError("no version answers users yet: productmatcher models list");
  throw new CommandError(`there is no version or alias ${name}: productmatcher models list shows those there are`);
}

function trainCommand(): Command {
  return new Command("train")
    .description("Train now, without waiting for the schedule")
    .addOption(urlOption())
    .addOption(dataDirOption())
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  $ productmatcher models train")
    .action(async (options: ModelsOptions) => {
      const result = await adminClient(options).post<TrainingResult>("/admin/models/train", {});
      if (result.result === "Failed") process.exitCode = 1;
      console.log(options.json ? JSON.stringify(result, null, 2) : trainingText(result));
    });
}

function trainingText({ result, versions, notices }: TrainingResult): string {
  const lines = versions.map(({ version, status, champion, reason }) => {
    const role = champion ? ", answers users" : "";
    return `  ${version}  ${status}${role}${reason && `: ${reason}`}`;
  });
  return [result, ...lines, ...notices].join("\n");
}
