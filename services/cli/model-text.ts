/** Versions of models as a person reads them. Pure. */
import type { ListedVersion } from "../clickhouse/index.ts";
import type { Registry } from "../trainer/index.ts";
import { count, table } from "./output.ts";

export function listText({ aliases, versions }: Registry): string {
  if (versions.length === 0) return "No model was trained yet.";
  const served = new Set(Object.values(aliases));
  const metrics = metricsOf(versions).filter((metric) => /^(ndcg|recall|coverage)@/.test(metric));
  return table(
    ["", "VERSION", "STATUS", "EVENTS", "ITEMS", ...metrics.map((metric) => metric.toUpperCase()), "FIT", "REASON"],
    versions.map((version) => [
      version.version === aliases.champion ? "**" : served.has(version.version) ? "*" : "",
      version.version,
      version.status,
      version.events,
      version.items,
      ...metrics.map((metric) => figure(version.metrics[metric])),
      `${version.fitSeconds.toFixed(1)} s`,
      version.reason,
    ]),
  );
}

export function description(version: ListedVersion, { aliases, promotions }: Registry): string {
  const { configuration, metrics } = version;
  const named = Object.keys(aliases).filter((alias) => aliases[alias] === version.version);
  const promotion = promotions.find((one) => one.version === version.version);
  const facts: (readonly [string, string | undefined])[] = [
    ["version", version.version],
    ["algorithm", version.algorithm],
    ["status", version.reason === "" ? version.status : `${version.status}: ${version.reason}`],
    ["rows", version.available ? `${count(version.entries)}, checksum ${version.checksum}` : "gone"],
    ["serves", named.length === 0 ? "nothing" : named.map((name) => (name === "champion" ? "users" : name)).join(", ")],
    ["promoted", promotion && `${time(promotion.at)} by ${promotion.cause}`],
    ["trained", `${time(version.createdAt)} with release ${configuration.release ?? "unknown"}`],
    ["parent", configuration.parent ?? undefined],
    [
      "data",
      `${time(version.dataFrom)} to ${time(version.dataTo)}: ${count(version.events)} events, ${count(version.actors)} actors, ${count(version.items)} items`,
    ],
    [
      "judged on",
      configuration.holdout && `${count(configuration.holdout.actors)} actors from ${configuration.holdout.from}`,
    ],
    ["lift", configuration.lift ? liftText(configuration.lift) : undefined],
    ["components", Object.values(configuration.components ?? {}).join(", ") || undefined],
    ["parameters", pairs(configuration.parameters)],
    ["figures", pairs(Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, figure(value)])))],
  ];
  const told = facts.filter((fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== "");
  const width = Math.max(...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

export function comparison(one: ListedVersion, other: ListedVersion): string {
  const metrics = metricsOf([one, other]);
  const figures = metrics.map((metric) => {
    const [a, b] = [one.metrics[metric], other.metrics[metric]];
    const change = a === undefined || !b ? "" : `${a >= b ? "+" : ""}${(100 * (a / b - 1)).toFixed(1)} %`;
    return [metric, figure(a), figure(b), change];
  });
  const parameters = Object.keys({ ...one.configuration.parameters, ...other.configuration.parameters }).map((name) => {
    const values = [one, other].map(({ configuration }) => String(configuration.parameters[name] ?? ""));
    return [name, ...values, values[0] === values[1] ? "" : "differs"];
  });
  const data = [
    ["events", count(one.events), count(other.events), ""],
    ["data until", time(one.dataTo), time(other.dataTo), ""],
    ["fit", `${one.fitSeconds.toFixed(1)} s`, `${other.fitSeconds.toFixed(1)} s`, ""],
  ];
  const [from, otherFrom] = [one.configuration.holdout?.from, other.configuration.holdout?.from];
  const note =
    from === otherFrom && from !== undefined
      ? ""
      : "\n\nThey were judged on different events: only a training run that fits both recipes compares them fairly.";
  return `${table(["", one.version, other.version, ""], [...figures, ...parameters, ...data])}${note}`;
}

/** Such as `5.2 % (1.0 to 9.4) over what was in service`: the interval of the gate. */
function liftText({ percent, low, high }: { readonly percent: number; readonly low: number; readonly high: number }) {
  return `${percent.toFixed(1)} % (${low.toFixed(1)} to ${high.toFixed(1)}) over what was in service`;
}

function metricsOf(versions: readonly ListedVersion[]): string[] {
  return [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))];
}

function figure(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(4);
}

function pairs(values: Readonly<Record<string, number | string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function time(milliseconds: number | null): string {
  return milliseconds === null ? "unknown" : new Date(milliseconds).toISOString();
}
