/** Gauges of each pipeline: its conditions, the objectives that alert rules compare with, its model and its training. */
import { Gauge, type Registry } from "prom-client";
import type { Objectives, PipelineStatus } from "../../crds/index.ts";
import { objectiveGauge } from "../../services/telemetry/index.ts";
import { splitKey } from "../runtime/index.ts";

export interface PipelineFigures {
  /** @param objectives `undefined` while the resource is at fault: those before hold */
  show(key: string, status: PipelineStatus, objectives: Objectives | undefined): void;
  forget(key: string): void;
}

const STATUSES = ["True", "False", "Unknown"] as const;
const RESULTS = ["Promoted", "Refreshed", "Refused", "NotEnoughData", "Failed"] as const;
/** A word as roles of any release may say it. */
const WORD = /^[A-Za-z]{1,40}$/;

export function pipelineFigures(registry: Registry): PipelineFigures {
  const gauges = pipelineGauges(registry);
  const objective = objectiveGauge(registry);
  const shown = new Map<string, readonly Series[]>();
  const allowed = new Map<string, Objectives>();

  return {
    show(key, status, objectives) {
      const { namespace, name } = splitKey(key);
      const of = { namespace, pipeline: name };
      if (objectives !== undefined) allowed.set(key, objectives);
      const bounds = Object.entries(allowed.get(key) ?? {});
      const series = [
        ...bounds.map(([bound, value]) => ({ gauge: objective, labels: { ...of, objective: bound }, value })),
        ...gauges(of, status),
      ];
      for (const { gauge, labels } of shown.get(key) ?? []) gauge.remove(labels);
      for (const { gauge, labels, value } of series) gauge.set(labels, value);
      shown.set(key, series);
    },
    forget(key) {
      for (const { gauge, labels } of shown.get(key) ?? []) gauge.remove(labels);
      shown.delete(key);
      allowed.delete(key);
    },
  };
}

interface Series {
  readonly gauge: Gauge;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Of = Readonly<Record<"namespace" | "pipeline", string>>;

function pipelineGauges(registry: Registry): (of: Of, status: PipelineStatus) => Series[] {
  const gauge = (name: string, help: string, ...more: string[]): Gauge =>
    new Gauge({
      name: `productmatcher_pipeline_${name}`,
      help,
      labelNames: ["namespace", "pipeline", ...more],
      registers: [registry],
    });
  const condition = gauge("condition", "1 at the status that the condition has", "type", "status");
  const score = gauge("candidate_score", "Of the last training run, in the metric of training.evaluation", "algorithm");
  const lift = gauge(
    "candidate_lift_ratio",
    "How much better than the one in service; 0.01 is one percent",
    "algorithm",
  );
  const verdict = gauge("candidate_verdict", "1 at what became of it in the last training run", "algorithm", "verdict");
  const result = gauge("training_result", "1 at what came of the last training run", "result");
  const seconds = gauge("training_duration_seconds", "Of the last training run, from its Job's start to its end");
  const memory = gauge("training_memory_bytes", "Most memory that the last training run held");
  const success = gauge("training_last_success_timestamp_seconds", "When a run last published a version");

  return (of, { conditions = [], training }) => {
    const series: Series[] = conditions.flatMap(({ type, status }) =>
      STATUSES.map((each) => ({
        gauge: condition,
        labels: { ...of, type, status: each },
        value: Number(each === status),
      })),
    );
    const add = (gauge: Gauge, value: number | undefined, labels: Readonly<Record<string, string>> = {}) => {
      if (value !== undefined && Number.isFinite(value)) series.push({ gauge, labels: { ...of, ...labels }, value });
    };
    if (training === undefined) return series;
    const { startedAt, finishedAt, lastSuccessAt, candidates = [] } = training;
    for (const each of RESULTS) add(result, Number(each === training.result), { result: each });
    add(seconds, secondsOf(finishedAt) - secondsOf(startedAt));
    add(memory, training.memoryBytes);
    add(success, secondsOf(lastSuccessAt));
    for (const { algorithm, ...candidate } of candidates.filter((one) => WORD.test(one.algorithm))) {
      add(score, Number(candidate.score ?? Number.NaN), { algorithm });
      add(lift, Number(candidate.liftPercent ?? Number.NaN) / 100, { algorithm });
      if (candidate.verdict !== undefined && WORD.test(candidate.verdict))
        add(verdict, 1, { algorithm, verdict: candidate.verdict });
    }
    return series;
  };
}

/** Since 1970; NaN of nothing. */
function secondsOf(moment: string | undefined): number {
  return moment === undefined ? Number.NaN : Date.parse(moment) / 1_000;
}
