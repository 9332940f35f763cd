import { type Board, chosen, PIPELINE, quantile, rate } from "../board.ts";

export const ingestion: Board = {
  name: "ingestion",
  title: "ProductMatcher / Ingestion",
  description: "From the shop's clicks into tables: collector, log, consumer, ClickHouse.",
  chosenBy: ["pipeline"],
  rows: [
    {
      title: "Collector",
      panels: [
        {
          title: "Requests",
          description: "Answered, by address and status, a second.",
          as: "stacked",
          unit: "reqps",
          queries: [
            {
              expr: rate("productmatcher_collector_requests_total", "endpoint, status"),
              legend: "{{endpoint}} {{status}}",
            },
          ],
          runbook: "ProductMatcherAvailabilityBurn",
        },
        {
          title: "Events received",
          description: "Events, items and users, by what became of them, a second.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_collector_events_total", "result"), legend: "{{result}}" }],
        },
        {
          title: "Until the log confirmed",
          description: "Time of an append; the client waits for it.",
          as: "lines",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "productmatcher_collector_append_seconds"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_collector_append_seconds"), legend: "99 of 100" },
          ],
          traces: { title: "Slow requests", role: "collector", spans: "kind = server && duration > 50ms" },
        },
      ],
    },
    {
      title: "Consumer",
      panels: [
        {
          title: "Records",
          description: "Read and dealt with, and what came of them, a second.",
          as: "lines",
          unit: "cps",
          queries: [
            { expr: rate("productmatcher_consumer_records_total"), legend: "read" },
            { expr: rate("productmatcher_consumer_events_stored_total"), legend: "events stored" },
            { expr: rate("productmatcher_consumer_duplicate_events_total"), legend: "repeats absorbed in a batch" },
          ],
          runbook: "ProductMatcherConsumerStuck",
        },
        {
          title: "Lag by topic",
          description: "Records in the log that the group has not committed.",
          as: "lines",
          unit: "short",
          queries: [
            {
              expr: `sum by (namespace, pipeline, topic) (max by (namespace, pipeline, topic, partition) (productmatcher_consumer_lag_records{${chosen()}}))`,
              legend: "{{topic}}",
            },
          ],
          runbook: "ProductMatcherConsumerLagging",
        },
        {
          title: "Lag by partition",
          description: "The partitions that lag most: one far above the others has a hot key or a stuck consumer.",
          as: "table",
          unit: "short",
          queries: [
            {
              expr: `topk(10, max by (namespace, pipeline, topic, partition) (productmatcher_consumer_lag_records{${chosen()}}))`,
              legend: "{{topic}}/{{partition}}",
            },
          ],
        },
        {
          title: "Age of the oldest record in hand",
          description: "How long the log has had the oldest record that is read and not yet stored.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: `max by (namespace, pipeline, topic) (productmatcher_consumer_lag_seconds{${chosen()}})`,
              legend: "{{topic}}",
            },
          ],
          traces: { title: "Slow batches", role: "consumer", spans: "kind = consumer && duration > 1s" },
        },
        {
          title: "Batches",
          description: "Time to store one, and records in it.",
          as: "lines",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "productmatcher_consumer_batch_seconds"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_consumer_batch_seconds"), legend: "99 of 100" },
          ],
          traces: { title: "Batches", role: "consumer", spans: "kind = consumer" },
        },
        {
          title: "Records of a batch",
          description: "Small ones while it is quiet; full ones while it catches up.",
          as: "lines",
          unit: "short",
          queries: [
            { expr: quantile(0.5, "productmatcher_consumer_batch_records"), legend: "half" },
            { expr: quantile(0.99, "productmatcher_consumer_batch_records"), legend: "99 of 100" },
          ],
        },
        {
          title: "Attribution",
          description:
            "Conversions that a touch has earned, those without one, and earlier ones that a late touch corrects, a second.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_consumer_attributions_total", "outcome"), legend: "{{outcome}}" }],
        },
        {
          title: "Dead letters",
          description: "Records that were not accepted, by reason, a second.",
          as: "stacked",
          unit: "cps",
          queries: [{ expr: rate("productmatcher_consumer_dead_letters_total", "reason"), legend: "{{reason}}" }],
          runbook: "ProductMatcherDataLoss",
        },
        {
          title: "Dead letters that wait for a person",
          description: "Not resolved; `productmatcher dead-letters list` shows them.",
          as: "number",
          unit: "short",
          queries: [
            { expr: `max by (namespace, pipeline) (productmatcher_open_dead_letters{${chosen()}})`, legend: PIPELINE },
          ],
          thresholds: { warning: 1, critical: 1_000 },
          runbook: "ProductMatcherDataLoss",
        },
        {
          title: "Waiting",
          description: "1 while a consumer cannot store its batch, or does without the source of attributes.",
          as: "lines",
          unit: "none",
          queries: [
            {
              expr: `max by (namespace, pipeline) (productmatcher_consumer_retrying{${chosen()}})`,
              legend: "retrying",
            },
            {
              expr: `max by (namespace, pipeline) (productmatcher_consumer_enrichment_away{${chosen()}})`,
              legend: "enrichment away",
            },
          ],
          runbook: "ProductMatcherConsumerStuck",
        },
      ],
    },
    {
      title: "ClickHouse",
      panels: [
        {
          title: "Statements",
          description: "Time of 99 of 100, by kind.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: quantile(0.99, "productmatcher_clickhouse_statement_duration_seconds", "kind"),
              legend: "{{kind}}",
            },
          ],
        },
        {
          title: "Failures and retries",
          description: "Statements that failed, and batches tried again, by cause, a second.",
          as: "lines",
          unit: "cps",
          queries: [
            { expr: rate("productmatcher_clickhouse_failures_total", "cause"), legend: "failed: {{cause}}" },
            { expr: rate("productmatcher_consumer_retries_total", "cause"), legend: "tried again: {{cause}}" },
          ],
          runbook: "ProductMatcherClickHouseRefusing",
        },
        {
          title: "Events in the table",
          description: "Rows; a repeat counts until it is merged away.",
          as: "lines",
          unit: "short",
          queries: [
            { expr: `max by (namespace, pipeline) (productmatcher_stored_events{${chosen()}})`, legend: PIPELINE },
          ],
        },
      ],
    },
  ],
};
