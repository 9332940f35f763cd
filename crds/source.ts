/** Where activity comes from: the Kafka cluster, its topics, and how their records are read. */
import type { z } from "zod";
import { atomicList, choice, integer, listMap, mapOf, object, rule, text } from "./fields.ts";
import { credentials, secretKeyRef, secretRef } from "./references.ts";

const TOPIC_NAME = /^[a-zA-Z0-9._-]+$/;
/** Without a user name in it: credentials are references to Secrets. */
const HTTP_URL = /^https?:\/\/[^@\s]+$/;

const tls = object("Encrypts the connection. Absent: plaintext. {}: trusts the system's authorities.", {
  caSecretKeyRef: secretKeyRef("Certificate authority of the brokers, PEM.", "ca.crt").optional(),
  clientSecretRef: secretRef
    .meta({ description: "The client's own certificate: a Secret with tls.crt and tls.key." })
    .optional(),
});

const oauth = object("Where a token is had for mechanism: OAUTHBEARER, by the client credentials grant.", {
  tokenEndpointURL: text("Token endpoint of the identity provider.", 512, HTTP_URL),
  scope: text("Scopes that are asked for, with a space between them.", 1_024).optional(),
  extensions: mapOf(
    "SASL extensions that are sent with the token: logicalCluster and identityPoolId of Confluent Cloud.",
    16,
    text("The value.", 1_024),
  ).optional(),
  caSecretKeyRef: secretKeyRef("Certificate authority of the token endpoint, PEM.", "ca.crt").optional(),
});

const sasl = object(
  "Signs in to the brokers. Absent: no sign-in, or by the client's certificate.",
  {
    mechanism: choice(
      "SASL mechanism of the listener. AWS_MSK_IAM signs in with the pod's own role in AWS; on the wire it is OAUTHBEARER.",
      ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"],
    ),
    credentials: credentials(
      "User and password of the pipeline in Kafka; with mechanism: OAUTHBEARER its client id and client secret at the " +
        "token endpoint. A changed Secret acts without a restart.",
    ).optional(),
    oauth: oauth.optional(),
    region: text("AWS region of the cluster, with mechanism: AWS_MSK_IAM.", 64, /^[a-z0-9-]+$/).optional(),
  },
  [
    rule(
      "V25",
      "(self.mechanism == 'AWS_MSK_IAM') != has(self.credentials)",
      "sasl.credentials is needed, except with mechanism: AWS_MSK_IAM, which signs in with the pod's role",
    ),
    rule(
      "V26",
      "(self.mechanism == 'OAUTHBEARER') == has(self.oauth)",
      "sasl.oauth goes with mechanism: OAUTHBEARER, and only with it",
    ),
    rule(
      "V27",
      "(self.mechanism == 'AWS_MSK_IAM') == has(self.region)",
      "sasl.region goes with mechanism: AWS_MSK_IAM, and only with it",
    ),
  ],
);

const schemaRegistry = object(
  "The schema registry of topics with format: SchemaRegistry: Confluent's, or another one that speaks its API, as " +
    "Karapace, Redpanda and Apicurio (/apis/ccompat/v7) do.",
  {
    url: text("Address of the registry, with its path where it has one.", 512, HTTP_URL),
    credentials: credentials(
      "User and password for the registry, or key and secret. Absent: none. A changed Secret acts without a restart.",
    ).optional(),
    caSecretKeyRef: secretKeyRef("Certificate authority of the registry, PEM.", "ca.crt").optional(),
  },
);

const topicDefaults = object("For the pipeline's own topics, which are made when they are absent.", {
  partitions: integer("Partitions of each topic. Consumers beyond this number rest.", {
    min: 1,
    max: 10_000,
    unit: "partitions",
  }).default(12),
  replicationFactor: integer("Copies of each record. Not above the number of brokers.", {
    min: 1,
    max: 7,
    unit: "brokers",
  }).default(3),
  retentionHours: integer("How long Kafka keeps a record, and so how far back a replay from Kafka reaches.", {
    min: 1,
    max: 87_600,
    unit: "hours",
  }).default(168),
});

const kafka = object(
  "The Kafka cluster.",
  {
    bootstrapServers: atomicList(
      "Brokers that are asked first, host:port.",
      { min: 1, max: 32 },
      text("A broker, host:port."),
    ),
    prefix: text(
      "Names <prefix>.events, <prefix>.entities, <prefix>.signals, <prefix>.dead-letters and the consumer group " +
        "<prefix>. Absent: <namespace>.<name>. Cannot change.",
      100,
      TOPIC_NAME,
    ).optional(),
    tls: tls.optional(),
    sasl: sasl.optional(),
    schemaRegistry: schemaRegistry.optional(),
    topicDefaults: topicDefaults.prefault({}),
  },
  [
    rule(
      "V1",
      "has(self.prefix) == has(oldSelf.prefix) && (!has(self.prefix) || self.prefix == oldSelf.prefix)",
      "source.kafka.prefix names the topics and the consumer group and cannot change; make a new pipeline",
    ),
    rule(
      "V28",
      "!has(self.sasl) || self.sasl.mechanism != 'AWS_MSK_IAM' || has(self.tls)",
      "mechanism: AWS_MSK_IAM needs tls: MSK takes it over encrypted connections alone",
    ),
  ],
);

const occurredAt = object(
  "Where the time of the event stands. Absent: the time of the Kafka record.",
  {
    path: text("Path of the time: a.b.c from the element or record, /a/b/0 from the record's root."),
    format: choice("How the time is written.", [
      "ISO8601",
      "EpochSeconds",
      "EpochMillis",
      "EpochMicros",
      "Pattern",
    ]).default("ISO8601"),
    pattern: text("Unicode date pattern, with format: Pattern: yyyy-MM-dd HH:mm:ss.SSS.", 64).optional(),
    timeZone: text("IANA time zone of times that carry no offset: Europe/Berlin.", 64).default("UTC"),
  },
  [
    rule(
      "V9",
      "(self.format == 'Pattern') == has(self.pattern)",
      "occurredAt.pattern goes with format: Pattern, and only with it",
    ),
  ],
);

const mapping = object(
  "How a record of another shape is read. Absent: the topic holds records of ProductMatcher's own shape.",
  {
    forEach: text(
      'Path of an array of which each element becomes one event, as the lines of an order. eventId gets "#<index>".',
    ).optional(),
    fields: mapOf(
      "Path by field. Event: eventId, userId, anonymousId, sessionId, event, itemId, price, quantity, currency, url, " +
        "referrer, userAgent, ipAddress, properties.<name>. Item: itemId, name, description, categories, tags, price, " +
        "currency, stock, hidden, createdAt, embedding and the names in catalog.attributes. User: userId and attributes. " +
        "A path is a.b.c from the element or record, or /a/b/0, a JSON Pointer from the record's root. Without eventId " +
        "an event is known by <topic>/<partition>/<offset>, and a producer's repeat is not seen.",
      64,
      text("A path."),
    ),
    constants: mapOf(
      "Fixed value by field, for what the records do not say: currency: EUR.",
      16,
      text("The value."),
    ).optional(),
    eventNames: mapOf(
      "Our event name by theirs, with mapping.fields.event: paid: purchase. A name not listed stays as it is.",
      64,
      text("Our event name.", 64),
    ).optional(),
    occurredAt: occurredAt.optional(),
  },
);

const topic = object(
  "A Kafka topic that is read.",
  {
    name: text("Name of the topic in Kafka.", 249, TOPIC_NAME),
    record: choice("What a record is: activity, a change of the catalogue, or what is known of a user.", [
      "Event",
      "Item",
      "User",
    ]).default("Event"),
    format: choice(
      "How a record's value is written. SchemaRegistry: Avro, Protobuf or JSON Schema with a schema's id before it " +
        "(Confluent's wire format); which of them it is, the registry says.",
      ["JSON", "SchemaRegistry"],
    ).default("JSON"),
    event: text(
      "Event name of every record: view, click, add_to_cart, remove_from_cart, purchase, refund, impression, rating " +
        "or one of the shop's own.",
      64,
    ).optional(),
    mapping: mapping.optional(),
  },
  [
    rule("V4", "self.record == 'Event' || !has(self.event)", "event goes with record: Event only"),
    rule(
      "V5",
      "self.record != 'Event' || !has(self.mapping) || (has(self.event) != ('event' in self.mapping.fields))",
      "name the event once: topics[].event for a fixed name, or mapping.fields.event for a path",
    ),
    rule(
      "V6",
      "self.record != 'Event' || !has(self.mapping) || ['userId','anonymousId','sessionId'].exists(k, k in self.mapping.fields)",
      "map at least one of userId, anonymousId and sessionId",
    ),
    rule(
      "V7",
      "self.record != 'Item' || !has(self.mapping) || 'itemId' in self.mapping.fields",
      "record: Item needs mapping.fields.itemId",
    ),
    rule(
      "V8",
      "self.record != 'User' || !has(self.mapping) || 'userId' in self.mapping.fields",
      "record: User needs mapping.fields.userId",
    ),
  ],
);

export const source = object(
  "Where activity comes from.",
  {
    kafka,
    startFrom: choice("Where reading begins while the consumer group has no offset.", ["Earliest", "Latest"]).default(
      "Earliest",
    ),
    topics: listMap("Topics that the shop has already, beside the collector's.", { max: 64 }, topic).optional(),
  },
  [
    rule(
      "V29",
      "!has(self.topics) || has(self.kafka.schemaRegistry) || self.topics.all(t, t.format != 'SchemaRegistry')",
      "a topic with format: SchemaRegistry needs source.kafka.schemaRegistry.url",
    ),
  ],
);

export type Source = z.output<typeof source>;
export type Topic = z.output<typeof topic>;
export type Mapping = z.output<typeof mapping>;
