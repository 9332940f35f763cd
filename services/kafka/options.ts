/**
 * What a person gives to reach a Kafka cluster, checked once and completed with defaults.
 */
import type { TextOrFile } from "../config/secret-file.ts";
import { KafkaLogError } from "./errors.ts";

export const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Files are read again for every new connection, so a certificate may be renewed while the program runs. */
export interface TlsFiles {
  /** Authorities that vouch for the brokers, PEM. Default: those of the system. */
  readonly caFile?: string;
  /** The client's own certificate and key, PEM: both or neither. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** Their files are read again for every sign-in, so a secret may be rotated while the program runs. */
export type SaslFiles = PasswordFiles | OAuthFiles | MskIam;

export interface PasswordFiles {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: TextOrFile;
  readonly passwordFile: string;
}

/** With tokens of an identity provider. */
export interface OAuthFiles {
  readonly mechanism: "OAUTHBEARER";
  readonly tokenEndpointURL: string;
  readonly clientId: TextOrFile;
  readonly clientSecretFile: string;
  readonly scope?: string;
  /** SASL extensions that go with each token. */
  readonly extensions?: Readonly<Record<string, string>>;
  /** Authorities that vouch for the token endpoint, PEM. Default: those of the system. */
  readonly caFile?: string;
}

/** With the role that AWS gives this process. */
export interface MskIam {
  readonly mechanism: "AWS_MSK_IAM";
  /** Of the cluster. */
  readonly region: string;
}

export interface TopicDefaults {
  readonly partitions: number;
  readonly replicationFactor: number;
  /** By the records' own timestamps. Default: kept for ever. */
  readonly retentionMilliseconds?: number;
  /** Largest record that a new topic takes, in bytes. Default 4 MiB. */
  readonly maxRecordBytes?: number;
}

/** What happened inside, for logs and metrics; none of it needs an answer. */
export type KafkaLogEvent =
  | { readonly kind: "rejoined"; readonly group: string; readonly partitions: number }
  /** Positions of partitions that this process no longer holds: they were not committed. */
  | { readonly kind: "commit_fenced"; readonly group: string; readonly positions: number }
  /** Retention has deleted records before they were read. */
  | { readonly kind: "records_expired"; readonly topic: string; readonly partition: number; readonly records: number }
  /** The committed position is beyond the partition's end: the topic was made anew. Read from its beginning. */
  | { readonly kind: "position_beyond_end"; readonly topic: string; readonly partition: number }
  /** Goes on by itself. */
  | { readonly kind: "retrying"; readonly doing: string; readonly error: Error };

export interface KafkaLogOptions {
  /** host:port, asked in turn. */
  readonly bootstrapServers: readonly string[];
  /** How the brokers' logs and quotas call this program. Default `productmatcher`. */
  readonly clientId?: string;
  /** Absent: plaintext. `{}`: the system's authorities. */
  readonly tls?: TlsFiles;
  readonly sasl?: SaslFiles;
  /** Default `gzip`. */
  readonly compression?: Compression;
  /** For topics that are absent. Without it an absent topic is an error. */
  readonly topicDefaults?: TopicDefaults;
  /**
   * Of one subscription, decompressed. Default 16 MiB. At most one fetch more is held, which is asked for in a sixteenth
   * of this, as it is stored.
   */
  readonly maxBufferedBytes?: number;
  /** Most bytes that one produce request carries, before compression. Default 1,000,000: what every topic takes. */
  readonly maxBatchBytes?: number;
  /** How long an append tries. Default 120,000. */
  readonly deliveryTimeoutMilliseconds?: number;
  /** How long a commit tries, so long as its partition is held. Default 600,000. */
  readonly commitTimeoutMilliseconds?: number;
  /** How long subscribing and looking things up try. Default 60,000. */
  readonly requestTimeoutMilliseconds?: number;
  /** A member unheard of for so long loses its partitions. Default 30,000. */
  readonly sessionTimeoutMilliseconds?: number;
  /** Longest wait of a fetch for a first record. Default 500. */
  readonly fetchWaitMilliseconds?: number;
  /** How soon partitions that were added are found. Default 60,000. */
  readonly metadataMaxAgeMilliseconds?: number;
  readonly onEvent?: (event: KafkaLogEvent) => void;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

type Optional = "tls" | "sasl" | "topicDefaults";
export type CompiledOptions = Required<Omit<KafkaLogOptions, Optional>> & Pick<KafkaLogOptions, Optional>;

const DEFAULTS = {
  clientId: "productmatcher",
  compression: "gzip",
  maxBufferedBytes: 4 * 1024 * 1024,
  maxBatchBytes: 1_000_000,
  deliveryTimeoutMilliseconds: 120_000,
  commitTimeoutMilliseconds: 600_000,
  requestTimeoutMilliseconds: 60_000,
  sessionTimeoutMilliseconds: 30_000,
  fetchWaitMilliseconds: 500,
  metadataMaxAgeMilliseconds: 60_000,
  onEvent: () => {},
  now: Date.now,
} as const;

/** @throws KafkaLogError `invalid_options` that names the option and what to write instead */
export function compileOptions(options: KafkaLogOptions): CompiledOptions {
  const compiled: CompiledOptions = { ...DEFAULTS, ...options };
  if (compiled.bootstrapServers.length === 0) invalid("bootstrapServers is empty: name at least one broker, host:port");
  for (const server of compiled.bootstrapServers) {
    if (!/^[^:\s]+:\d{1,5}$/.test(server)) invalid(`bootstrapServers has ${JSON.stringify(server)}: write host:port`);
  }
  if (!COMPRESSIONS.includes(compiled.compression)) {
    invalid(`compression is ${compiled.compression}: write one of ${COMPRESSIONS.join(", ")}`);
  }
  const { tls, topicDefaults } = compiled;
  if (tls !== undefined && (tls.certificateFile === undefined) !== (tls.keyFile === undefined)) {
    invalid("tls has only one of certificateFile and keyFile: give both, or neither");
  }
  checkSasl(compiled);
  for (const [name, value] of Object.entries({ ...compiled, ...topicDefaults })) {
    if (typeof value === "number" && !(Number.isSafeInteger(value) && value > 0)) {
      invalid(`${name} is ${value}: give a whole number of at least 1`);
    }
  }
  return Object.freeze(compiled);
}

function checkSasl({ sasl, tls }: CompiledOptions): void {
  if (sasl?.mechanism === "AWS_MSK_IAM" && tls === undefined) invalid("AWS_MSK_IAM needs TLS: give tls, {} at least");
  if (sasl?.mechanism !== "OAUTHBEARER") return;
  if (!URL.canParse(sasl.tokenEndpointURL)) invalid(`tokenEndpointURL is ${sasl.tokenEndpointURL}: write https://...`);
  // RFC 7628: a pair that breaks the message would be read as another one.
  for (const [name, value] of Object.entries(sasl.extensions ?? {})) {
    if (/^[A-Za-z]+$/.test(name) && name !== "auth" && /^[\x21-\x7e \t\r\n]*$/.test(value)) continue;
    invalid(`the SASL extension ${JSON.stringify(name)} is not letters (and not auth), or its value not plain ASCII`);
  }
}

function invalid(message: string): never {
  throw new KafkaLogError("invalid_options", message);
}
