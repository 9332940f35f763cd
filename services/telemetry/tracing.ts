import { type DiagLogger, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import type { Logger } from "pino";
import packageFile from "../../package.json" with { type: "json" };
import type { ProcessIdentity } from "./registry.ts";
import { spansTo } from "./spans.ts";

export interface TracingOptions {
  /** Whose spans these are: `productmatcher-<role>` in traces; `OTEL_SERVICE_NAME` takes its place. */
  readonly identity: ProcessIdentity;
  /** Is told when spans cannot be sent. */
  readonly logger?: Logger;
}

/** What is left is sent in this time at a stop, or dropped: a receiver that is away holds no process up. */
const FLUSH_MILLISECONDS = 2_000;
/** A receiver that is away fails every batch of spans. */
const SAME_WORDS_EVERY_MILLISECONDS = 300_000;

/**
 * Traces over OTLP, where the environment names a receiver of them: `OTEL_EXPORTER_OTLP_ENDPOINT` and the other
 * variables of the OpenTelemetry specification, the sampler's among them. Without it nothing is loaded, and spans cost
 * nothing.
 *
 * @returns sends what is left, at most for two seconds
 */
export async function startTracing({ identity, logger }: TracingOptions): Promise<() => Promise<void>> {
  if (!isWanted(process.env)) return async () => {};
  const { NodeSDK, resources, tracing } = await import("@opentelemetry/sdk-node");
  process.env.OTEL_SERVICE_NAME ??= `productmatcher-${identity.role}`;
  // Metrics are Prometheus's, logs are lines: neither is sent unless somebody says so.
  process.env.OTEL_METRICS_EXPORTER ??= "none";
  process.env.OTEL_LOGS_EXPORTER ??= "none";
  // No baggage: what strangers send along would be kept in the log with each record.
  process.env.OTEL_PROPAGATORS ??= "tracecontext";
  if (logger !== undefined) diag.setLogger(diagnostics(logger), { logLevel: DiagLogLevel.WARN });
  const share = shareOf(process.env);
  const sdk = new NodeSDK({
    instrumentations: [],
    ...(share === null ? {} : { sampler: new tracing.ParentBasedSampler({ root: new tracing.AlwaysOnSampler() }) }),
    resource: resources.defaultResource().merge(resources.resourceFromAttributes(resourceOf(identity))),
  });
  sdk.start();
  spansTo(trace.getTracer("productmatcher", packageFile.version), share);
  return async () => {
    spansTo(null);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FLUSH_MILLISECONDS);
    await Promise.race([sdk.shutdown().catch(() => {}), late.promise]);
    clearTimeout(timer);
  };
}

/**
 * Variables by which another process makes traces as this one does. Headers are not among them: they may hold a secret,
 * and would stand in the open. Neither is what names this process.
 */
export function tracingVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  if (!isWanted(environment)) return {};
  const names = Object.keys(environment).filter((name) => PASSED_ON.test(name));
  return Object.fromEntries(names.toSorted().map((name) => [name, environment[name] ?? ""]));
}

const PASSED_ON =
  /^OTEL_(EXPORTER_OTLP_(TRACES_)?(ENDPOINT|PROTOCOL|COMPRESSION|TIMEOUT)|TRACES_SAMPLER(_ARG)?|PROPAGATORS|BSP_\w+)$/;

function isWanted({
  OTEL_EXPORTER_OTLP_ENDPOINT,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  OTEL_SDK_DISABLED,
  OTEL_TRACES_EXPORTER,
}: NodeJS.ProcessEnv): boolean {
  const names = [OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT];
  const isOff = OTEL_SDK_DISABLED?.toLowerCase() === "true" || OTEL_TRACES_EXPORTER === "none";
  return !isOff && names.some((endpoint) => endpoint !== undefined && endpoint !== "");
}

/**
 * Of `parentbased_traceidratio`, whose decision on a new trace is a dice: thrown here, before anything is made. Measured, a
 * request that is not recorded costs 5 µs with the SDK's sampler, where an answer takes 40.
 */
function shareOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: NodeJS.ProcessEnv): number | null {
  if (OTEL_TRACES_SAMPLER !== "parentbased_traceidratio") return null;
  const share = Number(OTEL_TRACES_SAMPLER_ARG ?? "");
  return OTEL_TRACES_SAMPLER_ARG !== undefined && share >= 0 && share <= 1 ? share : null;
}

/** The same words for a pipeline as in its metrics. */
function resourceOf({ pipeline }: ProcessIdentity): Record<string, string> {
  return {
    "service.version": packageFile.version,
    ...(pipeline === undefined
      ? {}
      : { "service.namespace": pipeline.namespace ?? "default", "productmatcher.pipeline": pipeline.name }),
  };
}

function diagnostics(logger: Logger): DiagLogger {
  const said = new Map<string, number>();
  const tell = (message: string) => {
    // The message as it comes may be an error with its stack, as JSON.
    const text = message.startsWith("{") ? (textIn(message) ?? message) : message;
    const now = performance.now();
    // How many spans were dropped is another number each time.
    const words = text.replaceAll(/\d+/g, "#");
    if (now - (said.get(words) ?? Number.NEGATIVE_INFINITY) < SAME_WORDS_EVERY_MILLISECONDS) return;
    if (said.size > 100) said.clear();
    said.set(words, now);
    logger.warn({ problem: text }, "OpenTelemetry cannot do its work; the role goes on");
  };
  const nothing = () => {};
  return { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
}

function textIn(json: string): string | undefined {
  try {
    const { message } = JSON.parse(json) as { message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
