/** How the parts that a resource names are reached from a pod: addresses from the spec, secrets from mounted files. */
import type { Credentials, Sink, Source } from "../../crds/index.ts";
import type { ClickHouseTarget } from "../clickhouse/index.ts";
import type { PipelineNames } from "../config/index.ts";
import type { KafkaLogEvent, KafkaLogOptions, SaslFiles, TopicDefaults } from "../kafka/index.ts";
import type { Secrets } from "./secrets.ts";

export type Kafka = Source["kafka"];

/**
 * Secrets that are not there yet are told here, and not by a broker's refusal.
 *
 * @throws SecretMissingError
 */
export async function kafkaOptions(
  { bootstrapServers, tls, sasl }: Kafka,
  secrets: Secrets,
  more: { readonly clientId: string; readonly onEvent: (event: KafkaLogEvent) => void },
): Promise<KafkaLogOptions> {
  return {
    bootstrapServers,
    ...more,
    ...(tls === undefined ? {} : { tls: await tlsFiles(tls, secrets) }),
    ...(sasl === undefined ? {} : { sasl: await saslFiles(sasl, secrets) }),
  };
}

async function tlsFiles({ caSecretKeyRef: ca, clientSecretRef: client }: NonNullable<Kafka["tls"]>, secrets: Secrets) {
  return {
    ...(ca === undefined ? {} : { caFile: await secrets.present(ca) }),
    ...(client === undefined
      ? {}
      : {
          certificateFile: await secrets.present({ name: client.name, key: "tls.crt" }),
          keyFile: await secrets.present({ name: client.name, key: "tls.key" }),
        }),
  };
}

async function saslFiles({ mechanism, credentials }: NonNullable<Kafka["sasl"]>, secrets: Secrets): Promise<SaslFiles> {
  return { mechanism, ...(await credentialFiles(credentials, secrets)) };
}

const HOUR = 3_600_000;

function topicDefaults({ topicDefaults: { partitions, replicationFactor, retentionHours } }: Kafka): TopicDefaults {
  return { partitions, replicationFactor, retentionMilliseconds: retentionHours * HOUR };
}

/** @throws SecretMissingError */
export async function clickhouseTarget(
  { url, caSecretKeyRef: ca }: Sink["clickhouse"],
  credentials: Credentials,
  secrets: Secrets,
): Promise<ClickHouseTarget> {
  const { username, passwordFile } = await credentialFiles(credentials, secrets);
  return {
    kind: "server",
    url,
    username,
    password: { file: passwordFile },
    ...(ca === undefined ? {} : { caCertificate: { file: await secrets.present(ca) } }),
  };
}

async function credentialFiles(
  { secretRef: { name }, username, usernameKey, passwordKey }: Credentials,
  secrets: Secrets,
) {
  return {
    username: username ?? { file: await secrets.present({ name, key: usernameKey }) },
    passwordFile: await secrets.present({ name, key: passwordKey }),
  };
}

/** Times by the broker's clock: it refuses records from a pod whose own clock runs an hour ahead. */
const BROKER_TIME = { "message.timestamp.type": "LogAppendTime" };

/** The topics that the pipeline makes for itself where they are absent. */
export function ownTopics(names: PipelineNames, kafka: Kafka): OwnTopic[] {
  const defaults = topicDefaults(kafka);
  return [
    { name: names.eventsTopic, defaults },
    { name: names.entitiesTopic, defaults, config: { "cleanup.policy": "compact" } },
    { name: names.signalsTopic, defaults, config: BROKER_TIME },
    { name: names.deadLettersTopic, defaults, config: BROKER_TIME },
  ];
}

export interface OwnTopic {
  readonly name: string;
  readonly defaults: TopicDefaults;
  readonly config?: Readonly<Record<string, string>>;
}
