/**
 * One control plane for all API server suites of a run. A suite works in namespaces of its own.
 */
import type { TestProject } from "vitest/node";
import { type ControlPlaneDescription, startControlPlane } from "./control-plane.ts";
import { missingForApiServer } from "./install.ts";
import { installOperator } from "./operator.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** `null` on a machine that cannot run an API server, outside CI. */
    readonly controlPlane: ControlPlaneDescription | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = await missingForApiServer();
  if (missing !== null) {
    if (process.env.CI === "true") throw new Error(`${missing}: install it`);
    console.error(`not run: ${missing}`);
    project.provide("controlPlane", null);
    return async () => {};
  }
  const plane = await startControlPlane();
  await installOperator(plane);
  const { folder, apiPort, etcdPort, programs } = plane;
  project.provide("controlPlane", { folder, apiPort, etcdPort, programs });
  return () => plane.remove();
}
