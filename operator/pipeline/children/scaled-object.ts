/** Scaling of the consumer by lag, through KEDA. */

import type { PipelineSpec } from "../../../crds/index.ts";
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
const VARIABLE_PREFIX = "PRODUCTMATCHER_KAFKA";

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
      // What stands in the resource as it is reaches KEDA by the pod's environment: it takes no plain text.
      env: nonEmpty(
        signInVariables(pipeline.spec).map(({ parameter, name }) => ({ parameter, name, containerName: CONTAINER })),
      ),
    },
  });
}

/** Variables of the consumer that KEDA reads. */
export function scalerEnvironment({ pipeline }: Pick<Build, "pipeline">): { name: string; value: string }[] {
  if (pipeline.spec.consumer.autoscaling?.targetLag === undefined) return [];
  return signInVariables(pipeline.spec).map(({ name, value }) => ({ name, value }));
}

/** By KEDA's parameter. */
function signInVariables({ source }: PipelineSpec): { parameter: string; name: string; value: string }[] {
  const { credentials, oauth } = source.kafka.sasl ?? {};
  const extensions = Object.entries(oauth?.extensions ?? {}).map(([name, value]) => `${name}=${value}`);
  const given = [
    { parameter: "username", name: "USER", value: credentials?.username },
    { parameter: "oauthTokenEndpointUri", name: "TOKEN_ENDPOINT", value: oauth?.tokenEndpointURL },
    { parameter: "scopes", name: "SCOPES", value: oauth?.scope?.trim().split(/\s+/).join(",") },
    { parameter: "oauthExtensions", name: "EXTENSIONS", value: extensions.join(",") || undefined },
  ];
  return given.flatMap(({ parameter, name, value }) =>
    value === undefined ? [] : [{ parameter, name: `${VARIABLE_PREFIX}_${name}`, value }],
  );
}

function nonEmpty<Entry>(entries: readonly Entry[]): readonly Entry[] | undefined {
  return entries.length === 0 ? undefined : entries;
}
