import { type Board, chosen, PIPELINE, rate } from "../board.ts";

const ROLE = "{{role}} {{instance}}";

export const capacity: Board = {
  name: "capacity",
  title: "ProductMatcher / Capacity",
  description: "What each process uses, how near it is to its limits, and how full the disk is.",
  chosenBy: ["pipeline"],
  rows: [
    {
      title: "Processes",
      panels: [
        {
          title: "CPU",
          description: "Cores in use by each process.",
          as: "lines",
          unit: "none",
          queries: [{ expr: rate("process_cpu_seconds_total", "role, instance"), legend: ROLE }],
        },
        {
          title: "Memory",
          description: "Resident, by process.",
          as: "lines",
          unit: "bytes",
          queries: [{ expr: `process_resident_memory_bytes{${chosen()}}`, legend: ROLE }],
        },
        {
          title: "Event-loop delay",
          description: "Within which 99 of 100 turns begin: above 0.1 s one process does too much.",
          as: "lines",
          unit: "s",
          queries: [{ expr: `nodejs_eventloop_lag_p99_seconds{${chosen()}}`, legend: ROLE }],
          thresholds: { warning: 0.05, critical: 0.1 },
          runbook: "ProductMatcherLatencyBurn",
        },
        {
          title: "Heap",
          description: "Of JavaScript, in use.",
          as: "lines",
          unit: "bytes",
          queries: [{ expr: `nodejs_heap_size_used_bytes{${chosen()}}`, legend: ROLE }],
        },
        {
          title: "Time in garbage collection",
          description: "Share of a core.",
          as: "lines",
          unit: "percentunit",
          queries: [{ expr: rate("nodejs_gc_duration_seconds_sum", "role, instance"), legend: ROLE }],
        },
        {
          title: "Processes by release",
          description: "How many of each role run, of which release.",
          as: "table",
          unit: "short",
          queries: [
            {
              expr: `count by (namespace, pipeline, role, version, node) (productmatcher_build_info{${chosen()}})`,
              legend: "{{role}} {{version}}",
            },
          ],
        },
      ],
    },
    {
      title: "Limits",
      panels: [
        {
          title: "Bytes in flight",
          description: "Records that consumers hold and have not committed, by where they are.",
          as: "stacked",
          unit: "bytes",
          queries: [
            {
              expr: `sum by (namespace, pipeline, place) (productmatcher_consumer_in_flight_bytes{${chosen()}})`,
              legend: "{{place}}",
            },
          ],
        },
        {
          title: "Bytes that the log has not confirmed",
          description: "Held by collectors; at their limit they answer 429.",
          as: "lines",
          unit: "bytes",
          queries: [
            {
              expr: `max by (namespace, pipeline) (productmatcher_collector_buffered_bytes{${chosen()}})`,
              legend: PIPELINE,
            },
          ],
        },
        {
          title: "Free on ClickHouse's disk",
          description: "Of the server that was asked.",
          as: "lines",
          unit: "percentunit",
          queries: [{ expr: `productmatcher:clickhouse_disk_free:ratio{${chosen()}}`, legend: PIPELINE }],
          thresholds: { warning: 0.2, critical: 0.1, below: true },
          runbook: "ProductMatcherDiskNearlyFull",
        },
        {
          title: "Load of the slowest statement kind",
          description:
            "Seconds spent in ClickHouse a second, by kind: near the number of connections it is the bottleneck.",
          as: "stacked",
          unit: "none",
          queries: [
            { expr: rate("productmatcher_clickhouse_statement_duration_seconds_sum", "kind"), legend: "{{kind}}" },
          ],
        },
      ],
    },
  ],
};
