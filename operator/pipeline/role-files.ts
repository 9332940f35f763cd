/**
 * What a role is told: a resource of its own that holds the fields which it reads, without those that are as by
 * default. The same reader takes it as takes a person's file, and what a role does not read never restarts it.
 */
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { API_VERSION, KIND, pipelineSchema, type RecommenderPipeline, type Schema } from "../../crds/index.ts";
import { CONFIG_VERSION, CONFIG_VERSION_ANNOTATION, withoutDefaults } from "../../services/config/index.ts";
import type { Role } from "./names.ts";

const SINK = ["url", "database", "cluster", "credentials", "caSecretKeyRef"].map((name) => `sink.clickhouse.${name}`);
const RECIPE = [
  "timeoutMinutes",
  "lookbackDays",
  "minEvents",
  "weights",
  "halfLifeDays",
  "algorithms",
  "evaluation",
  "gate",
  "tuning",
  "keepVersions",
].map((name) => `training.${name}`);

/** Paths below the spec; a change of anything else does not concern the role. */
const READS: Readonly<Record<Role, readonly string[]>> = {
  collector: ["source.kafka", "catalog", "privacy"],
  consumer: ["source", "catalog", "enrichment", "attribution", "privacy", ...SINK],
  recommender: [
    ...["source.kafka", "catalog", "attribution", ...SINK],
    ...["serving.sessionMinutes", "serving.jwt", "training.weights", "training.halfLifeDays"],
  ],
  trainer: [
    ...["catalog", "attribution", ...SINK, ...RECIPE],
    ...["objectives.latencyMilliseconds", "serving.model.pinnedVersion"],
  ],
  migrate: ["source.kafka", "catalog", "sink"],
  cleanup: ["source.kafka", "sink"],
};

const LIVE_SERVING = [
  "seen",
  "diversityPercent",
  "model",
  "apiKeys",
  "allowedOrigins",
  "requestsPerSecond",
  "rules",
  "experiments",
].map((name) => `serving.${name}`);

/** Fields that act without a restart. Rules and experiments are judged against the catalogue and the algorithms. */
const READS_LIVE = {
  collector: ["collector.writeKeys", "collector.allowedOrigins"],
  recommender: [...LIVE_SERVING, "catalog", "training.algorithms"],
} as const satisfies Partial<Record<Role, readonly string[]>>;

export type LiveRole = keyof typeof READS_LIVE;

/** Whether a database is this pipeline's, or that of one of the same name before it, is told by the resource's uid. */
const OWNING: ReadonlySet<Role> = new Set(["migrate", "cleanup"]);

/** In the place of required fields that the role does not read. */
const NOT_READ = {
  source: { kafka: { bootstrapServers: ["not-read.invalid:9092"] } },
  sink: { clickhouse: { url: "http://not-read.invalid", credentials: { secretRef: { name: "not-read" } } } },
};

type Tree = { [field: string]: unknown };

/** A file is asked for by its ConfigMap, by the pods' checksum and by the migration's hash. */
const written = new WeakMap<RecommenderPipeline, Map<Role, string>>();

/** YAML. */
export function roleFile(pipeline: RecommenderPipeline, role: Role): string {
  const files = written.get(pipeline) ?? new Map<Role, string>();
  written.set(pipeline, files);
  const noCollector = role === "consumer" && pipeline.spec.collector === undefined;
  const file = files.get(role) ?? fileOf(pipeline, noCollector ? null : {}, READS[role], OWNING.has(role));
  files.set(role, file);
  return file;
}

/** YAML of the fields that act without a restart. */
export function liveFile(pipeline: RecommenderPipeline, role: LiveRole): string {
  return fileOf(pipeline, {}, READS_LIVE[role]);
}

/** Of a role's file alone: its change is what makes new pods. */
export function configHash(file: string): string {
  return createHash("sha256").update(file).digest("hex").slice(0, 16);
}

/** Names of the Secrets that a role's files refer to, sorted. */
export function secretsOf(pipeline: RecommenderPipeline, role: Role): string[] {
  const live = role === "collector" || role === "recommender" ? READS_LIVE[role] : [];
  return [...new Set(secretNames(pick(pipeline.spec, [...READS[role], ...live])))].sort();
}

function secretNames(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(secretNames);
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([field, below]) => {
    if (/secret(Key)?Ref$/i.test(field) && isTree(below) && typeof below.name === "string") return [below.name];
    return secretNames(below);
  });
}

/** @param collector what the file says of it: that there is one decides which topics are read */
function fileOf(
  pipeline: RecommenderPipeline,
  collector: Tree | null,
  paths: readonly string[],
  owning = false,
): string {
  const { namespace, name, uid } = pipeline.metadata;
  const read = pick(pipeline.spec, paths);
  const spec = { ...(collector === null ? {} : { collector }), ...read };
  const slim = withoutDefaults(specSchema, spec) as Tree;
  const document = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(owning && uid !== undefined ? { uid } : {}),
      annotations: { [CONFIG_VERSION_ANNOTATION]: CONFIG_VERSION },
    },
    spec: sorted(specSchema, filledUp(slim, NOT_READ)),
  };
  return stringify(document, { sortMapEntries: true, lineWidth: 0, version: "1.1" });
}

const specSchema: Schema = pipelineSchema.properties?.spec ?? {};

function pick(spec: object, paths: readonly string[]): Tree {
  const picked: Tree = {};
  for (const path of paths) {
    const steps = path.split(".");
    const value = steps.reduce<unknown>((at, step) => (isTree(at) ? at[step] : undefined), spec);
    if (value !== undefined) place(picked, steps, value);
  }
  return picked;
}

function place(tree: Tree, [step = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    tree[step] = value;
    return;
  }
  const below = tree[step];
  const branch = isTree(below) ? below : {};
  tree[step] = branch;
  place(branch, rest, value);
}

/** Adds what is missing of `required`. */
function filledUp(tree: Tree, required: Tree): Tree {
  const added = Object.entries(required).map(([field, value]) => {
    const present = tree[field];
    if (present === undefined) return [field, value];
    return [field, isTree(present) && isTree(value) ? filledUp(present, value) : present];
  });
  return { ...tree, ...Object.fromEntries(added) };
}

/** Lists without an order are put into one, so that writing them in another changes nothing. */
function sorted(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const entries = value.map((entry) => sorted(schema.items ?? {}, entry));
    const listType = schema["x-kubernetes-list-type"];
    return listType === "map" || listType === "set" ? entries.toSorted(byText) : entries;
  }
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, below]) => [
      field,
      sorted(schema.properties?.[field] ?? schema.additionalProperties ?? {}, below),
    ]),
  );
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortKey(entry: unknown): string {
  return isTree(entry) ? String(entry.name ?? entry.metric) : String(entry);
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
