/** What the operator shows of one pipeline, by its own code, where a suite has no API server. */
import express from "express";
import type { Objectives, PipelineStatus } from "../../crds/index.ts";
import { pipelineFigures } from "../../operator/pipeline/figures.ts";
import { operations, startServer } from "../../services/http/index.ts";
import { processRegistry } from "../../services/telemetry/index.ts";

export interface OperatorFigures {
  readonly address: string;
  show(status: PipelineStatus, objectives: Objectives): void;
  close(): Promise<void>;
}

/** @param key `<namespace>/<name>` of the pipeline */
export async function showFigures(key: string): Promise<OperatorFigures> {
  const registry = processRegistry({ role: "operator" });
  const figures = pipelineFigures(registry);
  const application = express().use(operations({ registry, readiness: () => ({ ready: true }), status: () => ({}) }));
  const server = await startServer(application, { host: "127.0.0.1", port: 0 });
  return {
    address: server.address,
    show: (status, objectives) => figures.show(key, status, objectives),
    close: () => server.close(),
  };
}
