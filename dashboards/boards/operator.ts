import type { Board } from "../board.ts";

const OURS = 'controller="recommenderpipeline"';
const LEADER = 'name="recommenderpipeline"';

export const operator: Board = {
  name: "operator",
  title: "ProductMatcher / Operator",
  description: "Whether the operator keeps up, and what it says of each pipeline and its training.",
  chosenBy: [],
  rows: [
    {
      title: "Pipelines",
      panels: [
        {
          title: "Not ready",
          description: "Pipelines that are not, by what is amiss.",
          as: "table",
          unit: "none",
          queries: [
            {
              expr: 'productmatcher_pipeline_condition{type!~"Reconciling|Stalled|Paused", status="False"} == 1 or productmatcher_pipeline_condition{type="Ready", status="True"}',
              legend: "{{namespace}}/{{pipeline}} {{type}}",
            },
          ],
          runbook: "ProductMatcherPipelineNotReady",
        },
        {
          title: "Pipelines by readiness",
          description: "How many are ready, not ready, or not yet looked at.",
          as: "stacked",
          unit: "short",
          queries: [
            { expr: 'sum by (status) (productmatcher_pipeline_condition{type="Ready"})', legend: "Ready {{status}}" },
          ],
        },
      ],
    },
    {
      title: "Controller",
      panels: [
        {
          title: "Reconciles",
          description: "By result, a second.",
          as: "stacked",
          unit: "cps",
          queries: [
            {
              expr: `sum by (result) (rate(controller_runtime_reconcile_total{${OURS}}[$__rate_interval]))`,
              legend: "{{result}}",
            },
          ],
          runbook: "ProductMatcherOperatorErrors",
        },
        {
          title: "Time of a reconcile",
          description: "Of 99 of 100.",
          as: "lines",
          unit: "s",
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le) (rate(controller_runtime_reconcile_time_seconds_bucket{${OURS}}[$__rate_interval])))`,
              legend: "99 of 100",
            },
          ],
        },
        {
          title: "Queue",
          description: "Pipelines that wait for a worker, and workers at work.",
          as: "lines",
          unit: "short",
          queries: [
            { expr: `sum(workqueue_depth{${OURS}})`, legend: "waiting" },
            { expr: `sum(controller_runtime_active_workers{${OURS}})`, legend: "in work" },
          ],
        },
        {
          title: "Requests to the API server",
          description: "By answer, a second.",
          as: "stacked",
          unit: "reqps",
          queries: [
            {
              expr: 'sum by (method, code) (rate(rest_client_requests_total{role="operator"}[$__rate_interval]))',
              legend: "{{method}} {{code}}",
            },
          ],
          runbook: "ProductMatcherOperatorErrors",
        },
        {
          title: "Leader",
          description: "1 when a replica leads, 0 when none does.",
          as: "number",
          unit: "none",
          queries: [{ expr: `max(leader_election_master_status{${LEADER}})`, legend: "leads" }],
          thresholds: { warning: 1, critical: 0.5, below: true },
          runbook: "ProductMatcherOperatorDown",
        },
        {
          title: "Reconciles that failed",
          description: "And were put back into the queue, a second.",
          as: "lines",
          unit: "cps",
          queries: [
            {
              expr: `sum(rate(controller_runtime_reconcile_errors_total{${OURS}}[$__rate_interval]))`,
              legend: "failed",
            },
          ],
          runbook: "ProductMatcherOperatorErrors",
        },
      ],
    },
  ],
};
