import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { type Fault, faultText, readPipelines } from "../config/index.ts";

const STANDARD_INPUT = 0;

const EXAMPLES = `
Examples:
  $ productmatcher validate -f pipeline.yaml
  $ productmatcher validate -f production.yaml -f staging.yaml
  $ kubectl get rp storefront -o yaml | productmatcher validate -f -
  $ productmatcher validate -f pipeline.yaml --json | jq .faults

Exit code: 0 all valid, 1 faults found, 2 a file could not be read.
`;

interface Options {
  readonly file: readonly string[];
  readonly json?: boolean;
}

/** `productmatcher validate`: every fault of resource files, with its line and what to write instead. */
export function validateCommand(): Command {
  return new Command("validate")
    .description("Check RecommenderPipeline files: shape, limits, rules, schedules, paths and expressions")
    .requiredOption("-f, --file <file>", "YAML or JSON file, - for standard input; may be given again", collect)
    .option("--json", "print one JSON object with pipelines, faults and notes")
    .addHelpText("after", EXAMPLES)
    .action(({ file, json }: Options) => {
      process.exitCode = validateFiles(file, json ?? false);
    });
}

function collect(file: string, before: readonly string[] = []): string[] {
  return [...before, file];
}

interface Report {
  readonly pipelines: readonly { readonly source: string; readonly namespace?: string; readonly name: string }[];
  readonly faults: readonly Fault[];
  readonly notes: readonly string[];
  /** Files that could not be read, with the reason. */
  readonly unreadable: readonly string[];
}

function validateFiles(files: readonly string[], json: boolean): 0 | 1 | 2 {
  const report = merge(files.map(reportOn));
  const output = json ? JSON.stringify(report, null, 2) : reportText(report);
  if (output !== "") console.log(output);
  for (const message of report.unreadable) console.error(message);
  if (report.unreadable.length > 0) return 2;
  return report.faults.length > 0 ? 1 : 0;
}

function reportOn(file: string): Report {
  const source = file === "-" ? "standard input" : file;
  const text = read(file);
  if (text instanceof Error) {
    return { pipelines: [], faults: [], notes: [], unreadable: [`${source} cannot be read: ${text.message}`] };
  }
  const { pipelines, faults, notes } = readPipelines(text, { source });
  return { pipelines: pipelines.map((pipeline) => identity(pipeline, source)), faults, notes, unreadable: [] };
}

/** The text, or why the system did not give it. */
function read(file: string): string | Error {
  try {
    return readFileSync(file === "-" ? STANDARD_INPUT : file, "utf8");
  } catch (error) {
    if (error instanceof Error && "syscall" in error) return error;
    throw error;
  }
}

function identity({ metadata: { name, namespace } }: RecommenderPipeline, source: string): Report["pipelines"][number] {
  return { source, ...(namespace === undefined ? {} : { namespace }), name };
}

function merge(reports: readonly Report[]): Report {
  return {
    pipelines: reports.flatMap(({ pipelines }) => pipelines),
    faults: reports.flatMap(({ faults }) => faults),
    notes: reports.flatMap(({ notes }) => notes),
    unreadable: reports.flatMap(({ unreadable }) => unreadable),
  };
}

function reportText({ pipelines, faults, notes }: Report): string {
  return [
    ...faults.map(faultText),
    ...notes.map((note) => `note: ${note}`),
    ...pipelines.map(({ source, namespace, name }) => {
      return `${source}  ${namespace === undefined ? name : `${namespace}/${name}`} is valid`;
    }),
    ...(faults.length === 0 ? [] : [`${faults.length} ${faults.length === 1 ? "fault" : "faults"} found`]),
  ].join("\n");
}
