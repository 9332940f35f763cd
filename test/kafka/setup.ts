/**
 * One broker for all Kafka suites of a run.
 */
import type { TestProject } from "vitest/node";
import { type BrokerDescription, startBroker } from "./broker.ts";
import { missingForKafka } from "./install.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** `null` on a machine that cannot run a broker, outside CI. */
    readonly kafka: BrokerDescription | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = await missingForKafka();
  if (missing !== null) {
    if (process.env.CI === "true") throw new Error(`${missing}: install it`);
    console.error(`not run: ${missing}`);
    project.provide("kafka", null);
    return async () => {};
  }
  const broker = await startBroker();
  const { plaintext, tls, sasl, oauth, certificates, tokenKeyFile } = broker;
  project.provide("kafka", { plaintext, tls, sasl, oauth, certificates, tokenKeyFile });
  return () => broker.remove();
}
