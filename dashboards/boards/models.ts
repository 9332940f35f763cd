import { type Board, chosen, DB, PIPELINE, sql } from "../board.ts";

const of = (metric: string, by = "") =>
  `max by (${["namespace", "pipeline", ...(by === "" ? [] : [by])].join(", ")}) (${metric}{${chosen()}})`;

export const models: Board = {
  name: "models",
  title: "ProductMatcher / Models",
  description: "Which models are served, how good they are, and what became of those that were trained.",
  chosenBy: ["pipeline", "database"],
  rows: [
    {
      title: "Served",
      panels: [
        {
          title: "Versions",
          description: "What recommenders serve of each algorithm.",
          as: "table",
          unit: "none",
          queries: [
            {
              expr: `count by (namespace, pipeline, algorithm, version) (productmatcher_recommender_model_info{${chosen()}})`,
              legend: "{{algorithm}}",
            },
          ],
        },
        {
          title: "Age",
          description: "Since the served version was trained.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: `max by (namespace, pipeline, algorithm) (productmatcher_recommender_model_age_seconds{${chosen()}})`,
              legend: "{{algorithm}}",
            },
            {
              expr: `productmatcher_pipeline_objective{${chosen('objective="modelAgeHours"')}} * 3600`,
              legend: "allowed",
            },
          ],
          runbook: "ProductMatcherModelTooOld",
        },
        {
          title: "Versions that were refused",
          description: "Published, but broken: the one before is served on.",
          as: "number",
          unit: "short",
          queries: [
            {
              expr: `max by (namespace, pipeline) (productmatcher_recommender_models_refused{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
          thresholds: { warning: 1, critical: 2 },
          runbook: "ProductMatcherModelRefused",
        },
        {
          title: "Leaderboard over time",
          description: "NDCG of what is served of each algorithm, on activity that it was not trained on.",
          as: "lines",
          unit: "none",
          queries: [{ expr: `productmatcher:model_score:max{${chosen()}}`, legend: "{{algorithm}} {{metric}}" }],
          runbook: "ProductMatcherModelQualityDrop",
        },
        {
          title: "Coverage",
          description: "Share of the catalogue that is in at least one list.",
          as: "lines",
          unit: "percentunit",
          queries: [
            {
              expr: `max by (namespace, pipeline, algorithm, metric) (productmatcher_recommender_model_score{${chosen('metric=~"coverage@.+"')}})`,
              legend: "{{algorithm}} {{metric}}",
            },
          ],
        },
        {
          title: "Drift",
          description: "The served model's NDCG against the best of seven days: below 1 it has become worse.",
          as: "lines",
          unit: "none",
          queries: [
            {
              expr: `productmatcher:model_score:max{${chosen()}} / max_over_time(productmatcher:model_score:max{${chosen()}}[7d])`,
              legend: "{{algorithm}} {{metric}}",
            },
          ],
          thresholds: { warning: 0.9, critical: 0.8, below: true },
          runbook: "ProductMatcherModelQualityDrop",
        },
      ],
    },
    {
      title: "Last training run, as the operator saw it",
      panels: [
        {
          title: "Result",
          description: "What came of the last run.",
          as: "table",
          unit: "none",
          queries: [
            {
              expr: `max by (namespace, pipeline, result) (productmatcher_pipeline_training_result{${chosen()}}) == 1`,
              legend: "{{result}}",
            },
          ],
          runbook: "ProductMatcherTrainingFailing",
        },
        {
          title: "Candidates",
          description: "Their score in the metric of training.evaluation.",
          as: "lines",
          unit: "none",
          queries: [{ expr: of("productmatcher_pipeline_candidate_score", "algorithm"), legend: "{{algorithm}}" }],
        },
        {
          title: "Gate verdicts",
          description: "What became of each candidate.",
          as: "table",
          unit: "none",
          queries: [
            {
              expr: of("productmatcher_pipeline_candidate_verdict", "algorithm, verdict"),
              legend: "{{algorithm}} {{verdict}}",
            },
          ],
          runbook: "ProductMatcherTrainingFailing",
        },
        {
          title: "Time",
          description: "From the Job's start to its end.",
          as: "lines",
          unit: "s",
          queries: [{ expr: of("productmatcher_pipeline_training_duration_seconds"), legend: PIPELINE }],
        },
        {
          title: "Memory",
          description: "Most that the run held.",
          as: "lines",
          unit: "bytes",
          queries: [{ expr: of("productmatcher_pipeline_training_memory_bytes"), legend: PIPELINE }],
        },
        {
          title: "Since a run published",
          description: "Time since a run last published a version.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: `time() - ${of("productmatcher_pipeline_training_last_success_timestamp_seconds")}`,
              legend: PIPELINE,
            },
          ],
          runbook: "ProductMatcherModelTooOld",
        },
      ],
    },
    {
      title: "Every version, as ClickHouse has it",
      panels: [
        {
          title: "Leaderboard",
          description: "What was trained in this time, with its figures on activity that it was not trained on.",
          as: "table",
          unit: "none",
          width: 16,
          queries: [
            {
              sql: sql(`SELECT created_at AS trained_at, algorithm, version, toString(status) AS verdict, reason,
                arrayFirst(name -> startsWith(name, 'ndcg@'), mapKeys(metrics)) AS metric, metrics[metric] AS score,
                fit_seconds, events, actors, items
                FROM ${DB}.model_versions FINAL WHERE $__timeFilter(created_at)
                ORDER BY trained_at DESC, score DESC LIMIT 200`),
            },
          ],
        },
        {
          title: "Verdicts",
          description: "How many versions were published, refused, or failed.",
          as: "table",
          unit: "short",
          queries: [
            {
              sql: sql(`SELECT algorithm, toString(status) AS verdict, count() AS versions FROM ${DB}.model_versions FINAL
                WHERE $__timeFilter(created_at) GROUP BY algorithm, verdict ORDER BY algorithm, verdict`),
            },
          ],
        },
      ],
    },
  ],
};
