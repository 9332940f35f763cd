/** Pipelines of a test on the API server: applied, looked at, with pods that behave as the test says. */
import type { Condition, PipelineStatus } from "../../crds/index.ts";
import { PIPELINE } from "../../operator/pipeline/kinds.ts";
import { type ApiServer, pathOf } from "../../operator/runtime/index.ts";
import { pipelineResource, type Spec } from "../fixtures/pipelines.ts";
import type { Behaviour } from "./kubelet.ts";
import { connect, eventually, kubectlApply } from "./suite.ts";

/** By role. */
export type Behaviours = Readonly<Record<string, Behaviour>>;

/** Everything works, nothing is trained yet. */
export const HEALTHY: Behaviours = {
  migrate: { is: "ended", code: 0, words: { schemaVersion: 2 } },
  collector: { is: "ready", report: {} },
  consumer: { is: "ready", report: { source: { lag: 0, freshnessMilliseconds: 40, deadLetters: 0 } } },
  recommender: { is: "ready", report: { latencyMilliseconds: 3 } },
  cleanup: { is: "ended", code: 0 },
};

export type JudgedCondition = Pick<Condition, "status" | "reason" | "message">;

export interface TestPipelines {
  apply(name: string, more?: Partial<Spec>): Promise<void>;
  status(name: string): Promise<PipelineStatus>;
  condition(name: string, type: string): Promise<JudgedCondition | undefined>;
  /** Waits for it. */
  reason(
    name: string,
    type: string,
    reason: string,
    timeoutMilliseconds?: number,
  ): Promise<JudgedCondition | undefined>;
}

export function pipelinesIn(namespace: string, api: ApiServer = connect()): TestPipelines {
  const status = async (name: string) => {
    const path = pathOf(PIPELINE, namespace, name);
    return (await api.request<{ status?: PipelineStatus }>({ method: "GET", path })).status ?? {};
  };
  const condition = async (name: string, type: string) =>
    (await status(name)).conditions?.find((found) => found.type === type);
  return {
    status,
    condition,
    async apply(name, more = {}) {
      const resource = pipelineResource(more, name, namespace);
      await kubectlApply({ ...resource, metadata: { name, namespace } });
    },
    reason: (name, type, reason, timeoutMilliseconds) =>
      eventually(
        () => condition(name, type),
        (found) => found?.reason === reason,
        timeoutMilliseconds,
      ),
  };
}
