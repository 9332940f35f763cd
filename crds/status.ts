/** What the operator writes about a pipeline. No secret, user id or item id ever stands in it. */
import { z } from "zod";

const reported = (description: string) => z.string().optional().meta({ description });
const count = (description: string) => z.int().optional().meta({ description });
const large = (description: string) => z.int().optional().meta({ description, format: "int64" });
const moment = (description: string) => z.iso.datetime({ offset: true }).meta({ description });
const reportedChoice = <const Values extends readonly string[]>(description: string, values: Values) =>
  z.enum(values).optional().meta({ description });

const section = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z.strictObject(shape).optional().meta({ description });

const listByKey = <Item extends z.ZodType>(description: string, max: number, key: string, item: Item) =>
  z
    .array(item)
    .max(max)
    .optional()
    .meta({ description, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });

const condition = z.strictObject({
  type: z.string().max(316).meta({ description: "What is judged: Ready, SinkReady, ModelReady and so on." }),
  status: z.enum(["True", "False", "Unknown"]).meta({ description: "The judgement." }),
  reason: z.string().max(1024).meta({ description: "Why, in one word." }),
  message: z.string().max(32_768).meta({ description: "The object, what was found, and what to do." }),
  observedGeneration: large("Generation of the resource that was judged."),
  lastTransitionTime: moment("When status last changed."),
});

const candidate = z.strictObject({
  algorithm: z.string().meta({ description: "The algorithm." }),
  score: reported("Its score in the metric of training.evaluation, as a decimal."),
  liftPercent: reported("How much better it is than the one in service, as a decimal."),
  verdict: reported("What became of it."),
  reason: reported("Why."),
});

const experiment = z.strictObject({
  name: z.string().meta({ description: "Name of the experiment." }),
  state: z.enum(["Running", "Decided", "Stopped", "Invalid"]).meta({ description: "Where it stands." }),
  arm: reported("The arm that won, or that was stopped."),
  reason: reported("Why it stands there."),
});

export const status = z
  .strictObject({
    observedGeneration: large("Generation of the resource that the rest speaks of."),
    conditions: listByKey("Judgements, one a type.", 16, "type", condition),
    image: reported("Image that the roles run."),
    source: section("The Kafka side.", {
      prefix: reported("Prefix of the pipeline's topics and consumer group."),
      lag: large("Records that wait to be read, in two significant digits."),
      freshnessMilliseconds: large("From activity received to recommendations changed, in milliseconds."),
      deadLetters: large("Records that could not be read and wait for a person."),
    }),
    sink: section("The ClickHouse side.", {
      database: reported("Database of the pipeline."),
      schemaVersion: count("Number of the last migration applied."),
      migration: reported("Hash of image, sink, brokers and catalogue of the last migration that succeeded."),
    }),
    collector: section("The collector.", {
      replicas: count("Pods."),
      readyReplicas: count("Pods that are ready."),
      url: reported("Where activity is posted to."),
    }),
    consumer: section("The consumer.", { replicas: count("Pods."), readyReplicas: count("Pods that are ready.") }),
    serving: section("The recommender.", {
      replicas: count("Pods."),
      readyReplicas: count("Pods that are ready."),
      selector: reported("Label selector of the pods, for scalers."),
      url: reported("Where recommendations are asked for."),
    }),
    model: section("The model that recommenders say they serve.", {
      version: reported("Its version."),
      algorithm: reported("Its algorithm."),
      metric: reported("What its score is, with the length of the list: NDCG@20."),
      score: reported("Its score on activity it was not trained on, as a decimal."),
      trainedAt: moment("When it was trained.").optional(),
      servedSince: moment("Since when it is served.").optional(),
      canary: section("The newer version that answers a share of visitors.", {
        version: reported("Its version."),
        percent: count("Share of visitors, in percent."),
      }),
    }),
    training: section("The last training run.", {
      job: reported("Name of its Job."),
      startedAt: moment("When it began.").optional(),
      finishedAt: moment("When it ended.").optional(),
      memoryBytes: large("Most memory that it held, in bytes."),
      result: reportedChoice("What came of it.", ["Promoted", "Refreshed", "Refused", "NotEnoughData", "Failed"]),
      candidates: z
        .array(candidate)
        .max(16)
        .optional()
        .meta({ description: "What competed.", "x-kubernetes-list-type": "atomic" }),
      lastSuccessAt: moment("When a run last published a version.").optional(),
    }),
    experiments: listByKey("Experiments, by name.", 16, "name", experiment),
  })
  .meta({ description: "What the operator last saw." })
  .default({
    conditions: [
      {
        type: "Ready",
        status: "Unknown",
        reason: "Pending",
        message: "Not seen by the operator yet.",
        lastTransitionTime: "1970-01-01T00:00:00Z",
      },
    ],
  });

export type PipelineStatus = z.output<typeof status>;
export type Condition = z.output<typeof condition>;
