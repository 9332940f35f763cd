import { type Board, chosen, PIPELINE, quantile, rate } from "../board.ts";

const objective = (name: string) => `productmatcher_pipeline_objective{${chosen(`objective="${name}"`)}}`;

/** One pipeline on one screen. */
export const overview: Board = {
  name: "overview",
  title: "ProductMatcher / Overview",
  description: "Whether recommendations are fresh, good and fast, and which part is to blame.",
  chosenBy: ["pipeline"],
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Freshness (99 of 100)",
          description: "From activity in the log until answers reflect it. Bad above objectives.freshnessSeconds.",
          as: "number",
          unit: "s",
          width: 4,
          queries: [{ expr: quantile(0.99, "productmatcher_recommender_freshness_seconds"), legend: PIPELINE }],
          thresholds: { warning: 2, critical: 5 },
          runbook: "ProductMatcherFreshnessBurn",
        },
        {
          title: "Latency (99 of 100)",
          description: "To compute an answer. Bad above objectives.latencyMilliseconds.",
          as: "number",
          unit: "s",
          width: 4,
          queries: [{ expr: quantile(0.99, "productmatcher_recommender_request_duration_seconds"), legend: PIPELINE }],
          thresholds: { warning: 0.01, critical: 0.02 },
          runbook: "ProductMatcherLatencyBurn",
        },
        {
          title: "Records waiting",
          description: "In the log and not yet stored. Bad above objectives.lag.",
          as: "number",
          unit: "short",
          width: 4,
          queries: [{ expr: `productmatcher:consumer_lag:records{${chosen()}}`, legend: PIPELINE }],
          thresholds: { warning: 50_000, critical: 100_000 },
          runbook: "ProductMatcherConsumerLagging",
        },
        {
          title: "Quality of the served model",
          description: "NDCG on activity that it was not trained on.",
          as: "number",
          unit: "none",
          width: 4,
          queries: [{ expr: `productmatcher:model_score:max{${chosen()}}`, legend: "{{algorithm}} {{metric}}" }],
          runbook: "ProductMatcherModelQualityDrop",
        },
        {
          title: "Age of the newest model",
          description: "Since it was trained. Bad above objectives.modelAgeHours.",
          as: "number",
          unit: "s",
          width: 4,
          queries: [
            {
              expr: `min by (namespace, pipeline) (productmatcher_recommender_model_age_seconds{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
          thresholds: { warning: 43_200, critical: 86_400 },
          runbook: "ProductMatcherModelTooOld",
        },
        {
          title: "Error budget left (3 days)",
          description: "Share of the errors that each promise allows which is not used up. Below 0 it is broken.",
          as: "number",
          unit: "percentunit",
          width: 4,
          queries: [
            {
              expr: `1 - productmatcher:slo_errors:ratio_rate3d{${chosen()}} / on (slo) group_left productmatcher:slo_budget:ratio`,
              legend: "{{slo}}",
            },
          ],
          thresholds: { warning: 0.5, critical: 0, below: true },
          runbook: "ProductMatcherAvailabilityBurn",
        },
      ],
    },
    {
      title: "Flow",
      panels: [
        {
          title: "Funnel",
          description: "What comes in, what is read, stored, told to recommenders, and answered, a second.",
          as: "lines",
          unit: "cps",
          queries: [
            { expr: rate("productmatcher_collector_events_total", "", 'result="accepted"'), legend: "collected" },
            { expr: rate("productmatcher_consumer_records_total"), legend: "read" },
            { expr: rate("productmatcher_consumer_events_stored_total"), legend: "stored" },
            { expr: rate("productmatcher_recommender_signals_total"), legend: "served (all replicas)" },
            { expr: rate("productmatcher_recommender_request_duration_seconds_count"), legend: "answers" },
          ],
        },
        {
          title: "Freshness",
          description: "From activity in the log until answers reflect it; dashed in the legend: what is allowed.",
          as: "lines",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "productmatcher_recommender_freshness_seconds"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_recommender_freshness_seconds"), legend: "99 of 100" },
            { expr: objective("freshnessSeconds"), legend: "allowed" },
          ],
          runbook: "ProductMatcherFreshnessBurn",
        },
        {
          title: "Lag",
          description: "Records in the log that are not yet stored.",
          as: "lines",
          unit: "short",
          queries: [
            { expr: `productmatcher:consumer_lag:records{${chosen()}}`, legend: PIPELINE },
            { expr: objective("lag"), legend: "allowed" },
          ],
          runbook: "ProductMatcherConsumerLagging",
        },
        {
          title: "Latency",
          description: "To compute an answer.",
          as: "lines",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "productmatcher_recommender_request_duration_seconds"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_recommender_request_duration_seconds"), legend: "99 of 100" },
            { expr: `${objective("latencyMilliseconds")} / 1000`, legend: "allowed" },
          ],
          runbook: "ProductMatcherLatencyBurn",
        },
        {
          title: "Errors",
          description: "Share of each promise that was broken within five minutes.",
          as: "lines",
          unit: "percentunit",
          queries: [{ expr: `productmatcher:slo_errors:ratio_rate5m{${chosen()}}`, legend: "{{slo}}" }],
          thresholds: { warning: 0.001, critical: 0.01 },
          runbook: "ProductMatcherAvailabilityBurn",
        },
        {
          title: "Dead letters",
          description: "Records that were not accepted, by reason, a second.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_consumer_dead_letters_total", "reason"), legend: "{{reason}}" }],
          runbook: "ProductMatcherDataLoss",
        },
      ],
    },
  ],
};
