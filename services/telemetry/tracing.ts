/**
 * Traces over OTLP, where the environment names a collector of them: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other
 * variables of the OpenTelemetry specification. Without it nothing is loaded, and spans cost nothing.
 *
 * @param service name of the process in traces; `OTEL_SERVICE_NAME` takes its place
 * @returns sends what is left, at most for some seconds
 */
export async function startTracing(service: string): Promise<() => Promise<void>> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = process.env;
  if ((all ?? traces ?? "") === "") return async () => {};
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  process.env.OTEL_SERVICE_NAME ??= service;
  // Metrics are Prometheus's, logs are lines: neither is sent unless somebody says so.
  process.env.OTEL_METRICS_EXPORTER ??= "none";
  process.env.OTEL_LOGS_EXPORTER ??= "none";
  const sdk = new NodeSDK({ instrumentations: [] });
  sdk.start();
  return () => sdk.shutdown().catch(() => {});
}
