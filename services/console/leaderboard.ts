/** Models beside each other, and how they came and went. Pure. */
import { metricName } from "./format.ts";
import type { ModelVersion, Registry } from "./ports.ts";

export interface Row {
  readonly version: ModelVersion;
  /** Where it serves, `users` for the champion. */
  readonly serves: readonly string[];
  readonly isChampion: boolean;
  /** Why it cannot answer users; `null`: it can be promoted. */
  readonly obstacle: string | null;
  /** By metric: its part of the best in the table, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
}

export interface Leaderboard {
  /** Metrics that the table has columns for, the one that decides first. */
  readonly metrics: readonly string[];
  readonly sortedBy: string;
  readonly rows: readonly Row[];
}

export const NEWEST = "newest";
const SHOWN_METRICS = /^(ndcg|recall|hitrate|mrr|coverage)@/;

/** @param sort a metric, or NEWEST; what there is not means NEWEST */
export function leaderboard({ aliases, versions, notForUsers }: Registry, sort: string): Leaderboard {
  const deciding = decidingMetric(versions);
  const found = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].filter((metric) =>
    SHOWN_METRICS.test(metric),
  );
  const metrics = [...found].sort((a, b) => Number(b === deciding) - Number(a === deciding)).slice(0, 3);
  const best = new Map(metrics.map((name) => [name, Math.max(...versions.map(({ metrics }) => metrics[name] ?? 0))]));
  const rows = versions.map((version): Row => {
    const serves = Object.keys(aliases).filter((alias) => aliases[alias] === version.version);
    return {
      version,
      serves: serves.map((alias) => (alias === "champion" ? "users" : alias)),
      isChampion: aliases.champion === version.version,
      obstacle: obstacleOf(version, aliases.champion, notForUsers),
      shares: Object.fromEntries(metrics.map((name) => [name, (version.metrics[name] ?? 0) / (best.get(name) || 1)])),
    };
  });
  const sortedBy = metrics.includes(sort) ? sort : NEWEST;
  const value = ({ version }: Row) => version.metrics[sortedBy] ?? Number.NEGATIVE_INFINITY;
  return {
    metrics,
    sortedBy,
    rows: sortedBy === NEWEST ? rows : rows.toSorted((a, b) => value(b) - value(a) || 0),
  };
}

/** As versions have it: `ndcg@20`. */
function decidingMetric(versions: readonly ModelVersion[]): string | undefined {
  return versions.find(({ configuration }) => configuration.judgedBy)?.configuration.judgedBy?.toLowerCase();
}

function obstacleOf(
  version: ModelVersion,
  champion: string | undefined,
  notForUsers: readonly string[],
): string | null {
  if (version.version === champion) return "It answers users now.";
  if (version.status !== "published") return version.reason || `It was ${version.status}.`;
  if (notForUsers.includes(version.algorithm)) return `${version.algorithm} does not answer users by itself.`;
  return version.available ? null : "Its rows are gone (training.keepVersions).";
}

/** Figures of two versions, with what the first has more than the other in percent. */
export interface Compared {
  readonly metric: string;
  readonly value: number;
  readonly champion: number | null;
  readonly percent: number | null;
}

export function compared(version: ModelVersion, champion: ModelVersion | undefined): Compared[] {
  return Object.entries(version.metrics).map(([metric, value]) => {
    const other = champion?.metrics[metric] ?? null;
    return {
      metric,
      value,
      champion: other,
      percent: other === null || other === 0 ? null : 100 * (value / other - 1),
    };
  });
}

export interface Point {
  /** Seconds since 1970. */
  readonly at: number;
  readonly algorithm: string;
  readonly value: number;
}

/** The deciding metric of each judged version over time, the oldest first; `metric` is as people write it: `NDCG@20`. */
export function quality({ versions }: Registry): { readonly metric: string; readonly points: readonly Point[] } | null {
  const metric = decidingMetric(versions);
  if (metric === undefined) return null;
  const points = versions.toReversed().flatMap(({ createdAt, algorithm, metrics }) => {
    const value = metrics[metric];
    return value === undefined ? [] : [{ at: Math.round(createdAt / 1_000), algorithm, value }];
  });
  return points.length === 0 ? null : { metric: metricName(metric), points };
}
