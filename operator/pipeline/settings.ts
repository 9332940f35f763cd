/** What whoever installs the operator decides for all pipelines. */
export interface OperatorSettings {
  /** Of this program: `1.4.2`. */
  readonly version: string;
  /** Image of the roles where the resource names none. */
  readonly pipelineImage: string;
  /** Whose pods may reach every role's port of figures. */
  readonly operatorNamespace: string;
  readonly monitoringNamespaces: readonly string[];
  /** Pipelines whose pods may be replaced at a time when the operator comes with another image. */
  readonly maxRollouts: number;
  /** What the standing roles are told of traces: variables of OpenTelemetry. Empty: they make none. */
  readonly tracing: Readonly<Record<string, string>>;
}

/** Where a role finds what it needs, and where it is found. */
export const CONFIG_FOLDER = "/etc/productmatcher/config";
export const SECRETS_FOLDER = "/etc/productmatcher/secrets";
export const HTTP_PORT = 8080;
/** /metrics, /status, /healthz, /readyz. */
export const OPERATIONS_PORT = 9090;
/** Of Services. */
export const SERVICE_PORT = 80;
