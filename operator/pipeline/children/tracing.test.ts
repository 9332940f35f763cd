import { expect, test } from "vitest";
import { EVERYTHING, pipelineResource, planFor, SETTINGS } from "../../../test/fixtures/pipelines.ts";

interface Rendered {
  readonly template: { readonly spec: { readonly containers: readonly { readonly env?: readonly object[] }[] } };
}
interface Policy {
  readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
}

test("roles that stand are told where traces go, and may go there; Jobs are not", () => {
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://tempo.monitoring:4318", OTEL_TRACES_SAMPLER_ARG: "0.1" };
  const resource = pipelineResource({ collector: {}, networkPolicies: "IngressAndEgress" });
  const plan = planFor(resource, EVERYTHING, { ...SETTINGS, tracing });
  for (const role of ["collector", "consumer", "recommender"] as const) {
    const { template } = plan.deployments[role]!.object.spec as unknown as Rendered;
    expect(template.spec.containers[0]?.env).toEqual(
      expect.arrayContaining(Object.entries(tracing).map(([name, value]) => ({ name, value }))),
    );
  }
  const ports = (role: string) => {
    const policy = [...plan.base, ...plan.rest].find(
      ({ object }) => object.kind === "NetworkPolicy" && object.metadata.name.endsWith(`-${role}`),
    );
    const { egress } = policy!.object.spec as unknown as Policy;
    return egress.flatMap((rule) => rule.ports.map(({ port }) => port));
  };
  expect(ports("collector")).toContain(4318);
  expect(ports("recommender")).toContain(4318);
  expect(ports("trainer")).not.toContain(4318);
});
