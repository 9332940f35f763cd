import { afterEach, expect, test, vi } from "vitest";
import { inSpan, isTracing, startTracing, tracingVariables } from "./index.ts";

afterEach(() => vi.unstubAllEnvs());

test.each([
  ["no receiver is named", {}],
  ["its name is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
  ["the SDK is disabled", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_SDK_DISABLED: "true" }],
  ["spans go nowhere", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318", OTEL_TRACES_EXPORTER: "none" }],
])("there are no traces where %s, and work is done as if it stood alone", async (_why, environment) => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const stop = await startTracing({ identity: { role: "consumer" } });
  expect(isTracing()).toBe(false);
  expect(inSpan("store", {}, (span) => span.isRecording())).toBe(false);
  await expect(inSpan("store", {}, () => Promise.reject(new Error("no such thing")))).rejects.toThrow("no such thing");
  await stop();
  expect(tracingVariables(process.env)).toEqual({});
});

test("another process is told where traces go and how many, not what may be secret", () => {
  const told = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://tempo:4318",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.1",
    OTEL_BSP_SCHEDULE_DELAY: "1000",
  };
  const own = {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer secret",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "authorization=Bearer secret",
    OTEL_SERVICE_NAME: "operator",
    PATH: "/bin",
  };
  expect(tracingVariables({ ...told, ...own })).toEqual(told);
});
