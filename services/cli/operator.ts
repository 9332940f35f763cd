import { Command, InvalidArgumentError } from "commander";
import { type OperatorSettings, startOperator } from "../../operator/pipeline/index.ts";
import {
  type ClusterAccess,
  kubeconfigAccess,
  podAccess,
  SERVICE_ACCOUNT_FOLDER,
} from "../../operator/runtime/index.ts";
import packageFile from "../../package.json" with { type: "json" };
import { createLogger, startTracing, tracingVariables } from "../telemetry/index.ts";
import { onStopSignal } from "./signals.ts";

export const DEFAULT_IMAGE = `productmatcher:${packageFile.version}`;

const EXAMPLES = `
Examples:
  $ productmatcher operator
  $ productmatcher operator --namespaces shop,shop-staging --pipeline-image registry.example/productmatcher:${packageFile.version}

Who it is comes from --kubeconfig, else from $KUBECONFIG, the pod's service account or ~/.kube/config.
Ends with 1 when another replica has taken over: the cluster starts it again.
`;

interface Options {
  readonly kubeconfig?: string;
  readonly serviceAccount: string;
  readonly namespaces: readonly string[];
  readonly operatorNamespace?: string;
  readonly monitoringNamespaces: readonly string[];
  readonly pipelineImage: string;
  readonly maxRollouts: number;
  readonly workers: number;
  readonly leaseSeconds: number;
  readonly host: string;
  readonly port: number;
}

/** `productmatcher operator`: turns RecommenderPipelines into what they ask for, and keeps it so. */
export function operatorCommand(): Command {
  return new Command("operator")
    .description("Look after the RecommenderPipelines of a cluster")
    .option("--kubeconfig <file>", "how to reach the cluster")
    .option("--service-account <folder>", "where the pod's account is mounted", SERVICE_ACCOUNT_FOLDER)
    .option("--namespaces <names>", "namespaces to look after, by comma; none: all", names, [])
    .option(
      "--operator-namespace <name>",
      "namespace of the lease, and of the operator's pods (default: the pod's own)",
    )
    .option("--monitoring-namespaces <names>", "namespaces whose pods may read figures, by comma", names, [
      "monitoring",
    ])
    .option("--pipeline-image <image>", "image of the roles where a resource names none", DEFAULT_IMAGE)
    .option("--max-rollouts <n>", "pipelines that take a new image at a time", whole(1), 5)
    .option("--workers <n>", "pipelines in work at a time", whole(1), 16)
    .option("--lease-seconds <n>", "how long a leader that has fallen silent is waited for", whole(1), 10)
    .option("--host <address>", "address of figures and probes", "0.0.0.0")
    .option("--port <port>", "port of figures and probes", whole(0), 9090)
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const logger = createLogger(process.env.PRODUCTMATCHER_LOG ?? "info");
  const stopTracing = await startTracing({ identity: { role: "operator" }, logger });
  const access = await findAccess(options);
  const operator = await startOperator({
    ...{ access, logger, namespaces: options.namespaces, workers: options.workers, leaseSeconds: options.leaseSeconds },
    ...{ host: options.host, port: options.port },
    settings: settingsOf(options, access.namespace ?? "default"),
  });
  console.log(`figures and probes on ${operator.address}`);
  operator.lost.then(() => {
    logger.error("another replica leads: ending at once");
    process.exit(1);
  });
  operator.failed.catch((error) => {
    logger.fatal({ err: error }, "the operator cannot go on");
    process.exit(1);
  });
  onStopSignal(async () => {
    await operator.stop();
    await stopTracing();
    process.exit(0);
  });
}

async function findAccess({ kubeconfig, serviceAccount }: Options): Promise<ClusterAccess> {
  const ofPod =
    kubeconfig === undefined && process.env.KUBECONFIG === undefined ? await podAccess(serviceAccount) : null;
  if (ofPod !== null) return ofPod;
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  return kubeconfigAccess(config);
}

function settingsOf(options: Options, ownNamespace: string): OperatorSettings {
  return {
    version: packageFile.version,
    pipelineImage: options.pipelineImage,
    operatorNamespace: options.operatorNamespace ?? ownNamespace,
    monitoringNamespaces: options.monitoringNamespaces,
    maxRollouts: options.maxRollouts,
    tracing: tracingVariables(process.env),
  };
}

function names(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function whole(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`expected a whole number of at least ${min}`);
  };
}
