import { Command } from "commander";
import type { ListedVersion } from "../clickhouse/index.ts";
import { type AdminOptions, adminClient, dataDirOption, urlOption } from "./admin-client.ts";
import { table } from "./output.ts";

interface Models {
  readonly aliases: Readonly<Record<string, string>>;
  readonly versions: readonly ListedVersion[];
}

type ModelsOptions = AdminOptions & { readonly json?: true };

export function modelsCommand(): Command {
  return new Command("models")
    .description("Look at the models of a running pipeline, or train now")
    .addCommand(listCommand())
    .addCommand(trainCommand())
    .addHelpText("after", "\nExamples:\n  $ productmatcher models list\n  $ productmatcher models train");
}

function listCommand(): Command {
  return new Command("list")
    .description("Versions, the newest first, with what they were judged at; * is served")
    .addOption(urlOption())
    .addOption(dataDirOption())
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  $ productmatcher models list --json")
    .action(async (options: ModelsOptions) => {
      const models = await adminClient(options).get<Models>("/admin/models");
      console.log(options.json ? JSON.stringify(models, null, 2) : listText(models));
    });
}

function listText({ aliases, versions }: Models): string {
  if (versions.length === 0) return "No model was trained yet.";
  const served = new Set(Object.values(aliases));
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))];
  const shown = metrics.filter((metric) => /^(ndcg|recall|coverage)@/.test(metric));
  return table(
    ["", "VERSION", "STATUS", "EVENTS", "ITEMS", ...shown.map((metric) => metric.toUpperCase()), "FIT", "REASON"],
    versions.map((version) => [
      served.has(version.version) ? "*" : "",
      version.version,
      version.status,
      version.events,
      version.items,
      ...shown.map((metric) => version.metrics[metric]?.toFixed(4) ?? ""),
      `${version.fitSeconds.toFixed(1)} s`,
      version.reason,
    ]),
  );
}

function trainCommand(): Command {
  return new Command("train")
    .description("Train now, without waiting for the schedule")
    .addOption(urlOption())
    .addOption(dataDirOption())
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  $ productmatcher models train")
    .action(async (options: ModelsOptions) => {
      const result = await adminClient(options).post<TrainingAnswer>("/admin/models/train", {});
      if (result.result === "Failed") process.exitCode = 1;
      console.log(options.json ? JSON.stringify(result, null, 2) : trainingText(result));
    });
}

interface TrainingAnswer {
  readonly result: string;
  readonly versions: readonly { readonly version: string; readonly status: string; readonly reason: string }[];
  readonly notices: readonly string[];
}

function trainingText({ result, versions, notices }: TrainingAnswer): string {
  const lines = versions.map(({ version, status, reason }) => `  ${version}  ${status}${reason && `: ${reason}`}`);
  return [result, ...lines, ...notices].join("\n");
}
