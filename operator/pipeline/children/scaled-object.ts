/** Scaling of the consumer by lag, through KEDA. */

import { namesOf } from "../../../services/config/index.ts";
import type { KubeObject } from "../../runtime/index.ts";
import { SCALED_OBJECT, TRIGGER_AUTHENTICATION } from "../kinds.ts";
import { childMeta, childName } from "../names.ts";
import { type Build, child } from "./build.ts";
import { CONTAINER } from "./pod.ts";

/** As KEDA spells them. */
const MECHANISMS = {
  PLAIN: "plaintext",
  "SCRAM-SHA-256": "scram_sha256",
  "SCRAM-SHA-512": "scram_sha512",
  OAUTHBEARER: "oauthbearer",
  AWS_MSK_IAM: "aws_msk_iam",
} as const;
const USER_VARIABLE = "PRODUCTMATCHER_KAFKA_USER";

/** `null`: the consumer is not scaled by lag. */
export function scaledObject({ pipeline }: Build): KubeObject | null {
  const { consumer, source } = pipeline.spec;
  const target = consumer.autoscaling?.targetLag;
  if (consumer.autoscaling === undefined || target === undefined) return null;
  const { bootstrapServers, tls, sasl } = source.kafka;
  const signsIn = tls !== undefined || sasl !== undefined;
  const name = childName(pipeline, "consumer");
  return child(SCALED_OBJECT, childMeta(pipeline, "consumer"), {
    spec: {
      scaleTargetRef: { name },
      minReplicaCount: consumer.replicas,
      maxReplicaCount: consumer.autoscaling.maxReplicas,
      triggers: [
        {
          type: "kafka",
          metadata: {
            bootstrapServers: bootstrapServers.join(","),
            // Of all topics that the group reads, and never more pods than partitions.
            consumerGroup: namesOf(pipeline).prefix,
            lagThreshold: String(target),
            ...(sasl === undefined ? {} : { sasl: MECHANISMS[sasl.mechanism] }),
            ...(sasl?.region === undefined ? {} : { awsRegion: sasl.region }),
            ...(tls === undefined ? {} : { tls: "enable" }),
          },
          authenticationRef: signsIn ? { name } : undefined,
        },
      ],
    },
  });
}

/** `null`: KEDA needs no secrets. It reads them by rights of its own. */
export function triggerAuthentication({ pipeline }: Build): KubeObject | null {
  const { consumer, source } = pipeline.spec;
  const { tls, sasl } = source.kafka;
  if (consumer.autoscaling?.targetLag === undefined || (tls === undefined && sasl === undefined)) return null;
  const from = (parameter: string, secret: { readonly name: string; readonly key: string } | undefined) =>
    secret === undefined ? [] : [{ parameter, name: secret.name, key: secret.key }];
  const client = tls?.clientSecretRef?.name;
  const user = sasl?.credentials;
  const name = user?.secretRef.name ?? "";
  return child(TRIGGER_AUTHENTICATION, childMeta(pipeline, "consumer"), {
    spec: {
      secretTargetRef: nonEmpty([
        ...from("ca", tls?.caSecretKeyRef),
        ...from("cert", client === undefined ? undefined : { name: client, key: "tls.crt" }),
        ...from("key", client === undefined ? undefined : { name: client, key: "tls.key" }),
        ...from(
          "username",
          user === undefined || user.username !== undefined ? undefined : { name, key: user.usernameKey },
        ),
        ...from("password", user === undefined ? undefined : { name, key: user.passwordKey }),
      ]),
      // A user name that stands in the resource reaches KEDA by the pod's environment: it takes no plain text.
      env: nonEmpty(
        scalerEnvironment({ pipeline }).map(({ name }) => ({ parameter: "username", name, containerName: CONTAINER })),
      ),
    },
  });
}

/** Variables of the consumer that KEDA reads. */
export function scalerEnvironment({ pipeline }: Pick<Build, "pipeline">): { name: string; value: string }[] {
  const user = pipeline.spec.source.kafka.sasl?.credentials?.username;
  const scales = pipeline.spec.consumer.autoscaling?.targetLag !== undefined;
  return scales && user !== undefined ? [{ name: USER_VARIABLE, value: user }] : [];
}

function nonEmpty<Entry>(entries: readonly Entry[]): readonly Entry[] | undefined {
  return entries.length === 0 ? undefined : entries;
}
