/** Models beside each other, and how they came and went. Pure. */
import type { ListedVersion } from "../clickhouse/index.ts";
import { metricName } from "./format.ts";
import type { Registry } from "./ports.ts";

export interface Row {
  readonly version: ListedVersion;
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

/**
 * @param sort a metric, or NEWEST; what there is not means NEWEST
 * @param pinned what answers users in place of the champion
 */
export function leaderboard({ aliases, versions, notForUsers }: Registry, sort: string, pinned?: string): Leaderboard {
  const deciding = decidingMetric(versions);
  const found = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))].filter((metric) =>
    SHOWN_METRICS.test(metric),
  );
  const metrics = [...found].sort((a, b) => Number(b === deciding) - Number(a === deciding)).slice(0, 3);
  const best = new Map(metrics.map((name) => [name, Math.max(...versions.map(({ metrics }) => metrics[name] ?? 0))]));
  const rows = versions.map((version): Row => {
    const serves = Object.keys(aliases).filter(
      (alias) => aliases[alias] === version.version && (alias !== "champion" || pinned === undefined),
    );
    if (version.version === pinned) serves.unshift("champion");
    return {
      version,
      serves: serves.map((alias) => (alias === "champion" ? "users" : alias)),
      isChampion: aliases.champion === version.version,
      obstacle: obstacleOf(version, { champion: aliases.champion, pinned, notForUsers }),
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
function decidingMetric(versions: readonly ListedVersion[]): string | undefined {
  return versions.find(({ configuration }) => configuration.judgedBy)?.configuration.judgedBy?.toLowerCase();
}

function obstacleOf(
  version: ListedVersion,
  {
    champion,
    pinned,
    notForUsers,
  }: Pick<Registry, "notForUsers"> & Readonly<Record<"champion" | "pinned", string | undefined>>,
): string | null {
  if (version.version === champion) {
    return pinned === undefined ? "It answers users now." : "It is the champion already.";
  }
  if (version.status !== "published") return version.reason || `It was ${version.status}.`;
  if (notForUsers.includes(version.algorithm)) return `${version.algorithm} does not answer users by itself.`;
  return version.available ? null : "Its rows are gone (training.keepVersions).";
}

/** What the registry knows of how training went. */
export interface Trained {
  /** When the newest published version was; `null`: none was. */
  readonly at: number | null;
  /** Of the last run: what failed, and why; `null`: nothing that is recorded. */
  readonly failed: { readonly version: string; readonly reason: string } | null;
  /** Whether that run published nothing. */
  readonly isFruitless: boolean;
}

/** Versions of one run are recorded within this time, each when it is ready. */
const RUN_MILLISECONDS = 3_600_000;

export function trained({ versions }: Pick<Registry, "versions">): Trained {
  const newest = versions[0]?.createdAt ?? 0;
  const ofLastRun = versions.filter(({ createdAt, algorithm }, place) => {
    const isNewest = versions.findIndex((other) => other.algorithm === algorithm) === place;
    return isNewest && newest - createdAt < RUN_MILLISECONDS;
  });
  const failed = ofLastRun.find(({ status }) => status === "failed");
  return {
    at: versions.find(({ status }) => status === "published")?.createdAt ?? null,
    failed: failed === undefined ? null : { version: failed.version, reason: failed.reason },
    isFruitless: ofLastRun.every(({ status }) => status !== "published"),
  };
}

/** Figures of two versions, with what the first has more than the other in percent. */
export interface Compared {
  readonly metric: string;
  readonly value: number;
  readonly champion: number | null;
  readonly percent: number | null;
}

export function compared(version: ListedVersion, champion: ListedVersion | undefined): Compared[] {
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
