import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import packageFile from "../../package.json" with { type: "json" };

/** Whose figures these are: labels of every series of a process, whatever scrapes it. */
export interface ProcessIdentity {
  /** `collector`, `consumer`, `recommender`, `local`, `operator` */
  readonly role: string;
  /** Of a process that belongs to one pipeline. */
  readonly pipeline?: { readonly namespace?: string | undefined; readonly name: string };
}

/** A process's metrics: those of Node and of the build; its parts add theirs. */
export function processRegistry({ role, pipeline }: ProcessIdentity): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({
    ...(pipeline === undefined ? {} : { namespace: pipeline.namespace ?? "default", pipeline: pipeline.name }),
    role,
  });
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "productmatcher_build_info",
    help: "1; the release and the Node.js that run",
    labelNames: ["version", "node"],
    registers: [registry],
  }).set({ version: packageFile.version, node: process.versions.node }, 1);
  return registry;
}
