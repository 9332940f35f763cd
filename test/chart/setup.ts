/** Helm for the chart's suites, and one control plane that takes what it renders. */
import type { TestProject } from "vitest/node";
import { startControlPlane } from "../api-server/control-plane.ts";
import { missingForApiServer } from "../api-server/install.ts";
import { type ChartPrograms, installChartPrograms, missingForChart } from "./install.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** `null` on a machine that cannot have them, outside CI. */
    readonly chartPrograms: ChartPrograms | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = (await missingForChart()) ?? (await missingForApiServer());
  if (missing !== null) {
    if (process.env.CI === "true") throw new Error(`${missing}: install it`);
    console.error(`not run: ${missing}`);
    project.provide("chartPrograms", null);
    project.provide("controlPlane", null);
    return async () => {};
  }
  project.provide("chartPrograms", await installChartPrograms());
  const plane = await startControlPlane();
  const { folder, apiPort, etcdPort, programs } = plane;
  project.provide("controlPlane", { folder, apiPort, etcdPort, programs });
  return () => plane.remove();
}
