/** How the parts that a resource names are reached from a pod: addresses from the spec, secrets from mounted files. */
import type { Credentials, Sink, Source } from "../../crds/index.ts";
import type { ClickHouseTarget } from "../clickhouse/index.ts";
import type { KafkaLogEvent, KafkaLogOptions, SaslFiles } from "../kafka/index.ts";
import type { SchemaRegistryOptions } from "../schema-registry/index.ts";
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

async function saslFiles(sasl: NonNullable<Kafka["sasl"]>, secrets: Secrets): Promise<SaslFiles> {
  const { mechanism, credentials, oauth, region } = sasl;
  if (mechanism === "AWS_MSK_IAM") return { mechanism, region: required("region", region) };
  const { username, passwordFile } = await credentialFiles(required("credentials", credentials), secrets);
  if (mechanism !== "OAUTHBEARER") return { mechanism, username, passwordFile };
  const { tokenEndpointURL, scope, extensions, caSecretKeyRef: ca } = required("oauth", oauth);
  return {
    mechanism,
    tokenEndpointURL,
    clientId: username,
    clientSecretFile: passwordFile,
    ...(scope === undefined ? {} : { scope }),
    ...(extensions === undefined ? {} : { extensions }),
    ...(ca === undefined ? {} : { caFile: await secrets.present(ca) }),
  };
}

/** What the resource's rules V25 to V27 have made sure of. */
function required<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw new Error(`source.kafka.sasl.${field} is needed`);
  return value;
}

/** @throws SecretMissingError */
export async function registryOptions(
  { url, credentials, caSecretKeyRef: ca }: NonNullable<Kafka["schemaRegistry"]>,
  secrets: Secrets,
): Promise<SchemaRegistryOptions> {
  return {
    url,
    ...(credentials === undefined ? {} : { credentials: await credentialFiles(credentials, secrets) }),
    ...(ca === undefined ? {} : { caFile: await secrets.present(ca) }),
  };
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
