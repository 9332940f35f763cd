import { type Board, chosen, PIPELINE, quantile, rate } from "../board.ts";

export const serving: Board = {
  name: "serving",
  title: "ProductMatcher / Serving",
  description: "What recommenders answer, how fast, and out of what.",
  chosenBy: ["pipeline"],
  rows: [
    {
      title: "Requests",
      panels: [
        {
          title: "Requests",
          description: "By endpoint and status, a second.",
          as: "stacked",
          unit: "reqps",
          queries: [
            {
              expr: rate("productmatcher_recommender_request_duration_seconds_count", "endpoint, status"),
              legend: "{{endpoint}} {{status}}",
            },
          ],
          runbook: "ProductMatcherAvailabilityBurn",
        },
        {
          title: "Latency by endpoint",
          description: "Within which 99 of 100 answers are computed.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: quantile(0.99, "productmatcher_recommender_request_duration_seconds", "endpoint"),
              legend: "{{endpoint}}",
            },
          ],
          thresholds: { warning: 0.01, critical: 0.02 },
          runbook: "ProductMatcherLatencyBurn",
          traces: { title: "Slow requests", role: "recommender", spans: "kind = server && duration > 10ms" },
        },
        {
          title: "Answers by what they come from",
          description: "Source of the first item: session and similar are personal, the others are fall-backs.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_recommender_answers_total", "source"), legend: "{{source}}" }],
        },
        {
          title: "Share of fall-backs",
          description: "Answers that hold nothing from where they should come, by what they hold instead.",
          as: "stacked",
          unit: "percentunit",
          queries: [
            {
              expr: `${rate("productmatcher_recommender_fallbacks_total", "source")} / on (namespace, pipeline) group_left ${rate("productmatcher_recommender_answers_total")}`,
              legend: "{{source}}",
            },
          ],
        },
      ],
    },
    {
      title: "What answers are made of",
      panels: [
        {
          title: "Freshness",
          description: "From activity in the log until answers reflect it.",
          as: "lines",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "productmatcher_recommender_freshness_seconds"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_recommender_freshness_seconds"), legend: "99 of 100" },
          ],
          runbook: "ProductMatcherFreshnessBurn",
          traces: { title: "Clicks that arrived", role: "recommender", spans: "kind = consumer" },
        },
        {
          title: "Signals not yet read",
          description: "Of the replica that is furthest behind.",
          as: "lines",
          unit: "short",
          queries: [
            {
              expr: `max by (namespace, pipeline) (productmatcher_recommender_tail_lag{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
        },
        {
          title: "Histories asked of ClickHouse",
          description: "Of users that a replica has not seen: found, absent, failed, late, refused; a second.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_recommender_history_loads_total", "result"), legend: "{{result}}" }],
          runbook: "ProductMatcherLatencyBurn",
        },
        {
          title: "Actors in memory",
          description: "Whose recent history a replica keeps.",
          as: "lines",
          unit: "short",
          queries: [
            { expr: `max by (namespace, pipeline) (productmatcher_recommender_actors{${chosen()}})`, legend: PIPELINE },
          ],
        },
        {
          title: "Memory of histories",
          description: "Estimated, of the largest replica.",
          as: "lines",
          unit: "bytes",
          queries: [
            {
              expr: `max by (namespace, pipeline) (productmatcher_recommender_actor_bytes{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
        },
        {
          title: "Items of the catalogue",
          description: "Known to the replica that knows least.",
          as: "lines",
          unit: "short",
          queries: [
            {
              expr: `min by (namespace, pipeline) (productmatcher_recommender_catalogue_items{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
        },
        {
          title: "Background work that failed",
          description: "Reading models and catalogue (refresh), reading signals (tail); tried again, a second.",
          as: "lines",
          unit: "cps",
          queries: [
            { expr: rate("productmatcher_recommender_failures_total", "task"), legend: "{{task}}" },
            { expr: rate("productmatcher_recommender_rejected_signal_records_total"), legend: "signals not readable" },
          ],
          runbook: "ProductMatcherClickHouseRefusing",
        },
      ],
    },
  ],
};
