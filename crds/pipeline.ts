/** The RecommenderPipeline as a whole. */
import { z } from "zod";
import { attribution, privacy } from "./attribution.ts";
import { catalog, enrichment } from "./catalog.ts";
import { collector } from "./collector.ts";
import { consumer } from "./consumer.ts";
import { choice, flag, object, rule, text } from "./fields.ts";
import { objectives } from "./objectives.ts";
import { podSettings } from "./pods.ts";
import { serving } from "./serving.ts";
import { sink } from "./sink.ts";
import { source } from "./source.ts";
import { status } from "./status.ts";
import { training } from "./training.ts";

export const GROUP = "productmatcher.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = "RecommenderPipeline";

export const pipelineSpec = object(
  "What the shop asks for.",
  {
    paused: flag("Leave everything as it is: the operator changes nothing. Deletion still works.").default(false),
    image: text(
      "Image that the roles run. Absent: the operator's own choice, which follows its upgrades.",
      512,
    ).optional(),
    source,
    catalog: catalog.optional(),
    enrichment: enrichment.optional(),
    attribution: attribution.prefault({}),
    privacy: privacy.prefault({}),
    sink,
    collector: collector.optional(),
    consumer: consumer.prefault({}),
    training: training.prefault({}),
    serving: serving.prefault({}),
    objectives: objectives.prefault({}),
    pods: podSettings("Settings of the pods of all roles.").optional(),
    networkPolicies: choice(
      "Ingress lets only who must reach the pods; IngressAndEgress also bounds what they reach, which breaks brokers on " +
        "other ports than the bootstrap servers'; None makes no policies.",
      ["Ingress", "IngressAndEgress", "None"],
    ).default("Ingress"),
    deletionPolicy: choice(
      "What becomes of the data when the resource is deleted: Retain keeps database, topics and group; Delete removes them.",
      ["Retain", "Delete"],
    ).default("Retain"),
  },
  [
    rule(
      "V3",
      "has(self.collector) || (has(self.source.topics) && self.source.topics.exists(t, t.record == 'Event'))",
      "no activity would arrive: name a topic with record: Event, or set collector: {}",
    ),
  ],
);

/** The fields of ObjectMeta, so that a mistyped one is seen; the API server knows them by itself. */
const metadata = z.strictObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  generateName: z.string().optional(),
  creationTimestamp: z.string().nullable().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.int().optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.looseObject({})).optional(),
  managedFields: z.array(z.looseObject({})).optional(),
  selfLink: z.string().optional(),
});

export const recommenderPipeline = object(
  "One shop's recommendations: where its activity comes from, where it is kept, how models are trained and served.",
  {
    apiVersion: z.literal(API_VERSION).meta({ description: `${API_VERSION}.` }),
    kind: z.literal(KIND).meta({ description: `${KIND}.` }),
    metadata,
    spec: pipelineSpec,
    status,
  },
  [
    rule(
      "name",
      "self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
      "the name may have at most 40 characters (a-z, 0-9, -) and must begin with a letter: child names and the Service are made from it",
      { at: ".metadata.name" },
    ),
  ],
);

/** A resource with every default filled in. */
export type RecommenderPipeline = z.output<typeof recommenderPipeline>;
/** What the shop asks for, with every default filled in. */
export type PipelineSpec = RecommenderPipeline["spec"];
/** What a person writes: defaults may be absent. */
export type RecommenderPipelineInput = z.input<typeof recommenderPipeline>;
