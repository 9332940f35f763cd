import { Command } from "commander";
import { stringify } from "yaml";
import { allChildren, compile, type OperatorSettings } from "../../operator/pipeline/index.ts";
import packageFile from "../../package.json" with { type: "json" };
import { DEFAULT_IMAGE } from "./operator.ts";
import { CommandError, readResource } from "./resource.ts";

const EXAMPLES = `
Examples:
  $ productmatcher render -f pipeline.yaml
  $ productmatcher render -f pipeline.yaml --namespace shop | kubectl diff -f -
  $ productmatcher render -f pipeline.yaml --without keda
`;

interface Options {
  readonly file: string;
  readonly namespace?: string;
  readonly pipelineImage: string;
  readonly operatorNamespace: string;
  readonly without: readonly string[];
}

/** `productmatcher render`: the children that the operator would make of a resource, as YAML. */
export function renderCommand(): Command {
  return new Command("render")
    .description("Print the children that the operator would make of a resource")
    .requiredOption("-f, --file <file>", "YAML or JSON file with one RecommenderPipeline")
    .option("-n, --namespace <name>", "namespace, where the file names none")
    .option("--pipeline-image <image>", "image of the roles where the resource names none", DEFAULT_IMAGE)
    .option("--operator-namespace <name>", "namespace of the operator's pods", "productmatcher-system")
    .option("--without <part>", "as in a cluster without keda or gateway-api; may be given again", collect, [])
    .addHelpText("after", EXAMPLES)
    .action(render);
}

async function render(options: Options): Promise<void> {
  const { pipeline } = await readResource(options.file);
  const namespace = options.namespace ?? pipeline.metadata.namespace ?? "default";
  const { apiVersion, kind, spec } = pipeline;
  const settings: OperatorSettings = {
    version: packageFile.version,
    pipelineImage: options.pipelineImage,
    operatorNamespace: options.operatorNamespace,
    monitoringNamespaces: ["monitoring"],
    maxRollouts: 1,
    tracing: {},
  };
  const { uid } = pipeline.metadata;
  const metadata = { name: pipeline.metadata.name, namespace, ...(uid === undefined ? {} : { uid }) };
  const capabilities = {
    gatewayApi: !options.without.includes("gateway-api"),
    keda: !options.without.includes("keda"),
  };
  const compiled = compile({ apiVersion, kind, metadata, spec }, capabilities, settings);
  if ("faults" in compiled) {
    throw new CommandError(compiled.faults.map(({ reason, message }) => `${reason}: ${message}`).join("\n"));
  }
  const documents = allChildren(compiled.plan).map(({ object }) => stringify(object, { lineWidth: 0, version: "1.1" }));
  process.stdout.write(documents.join("---\n"));
}

function collect(part: string, before: readonly string[]): string[] {
  return [...before, part];
}
