import type { ListedVersion } from "../../clickhouse/index.ts";
import { ago, change, count, counted, duration, metricName, moment, score } from "../format.ts";
import { type Html, html } from "../html.ts";
import { compared, type Leaderboard, NEWEST, type Point, type Row } from "../leaderboard.ts";
import type { Registry } from "../ports.ts";
import { action, actionsNote, beyondLast, empty, type Frame, heading, type Page, pager } from "./layout.ts";

export interface Models {
  readonly registry: Registry;
  /** Its rows are those of the page. */
  readonly board: Leaderboard;
  readonly page: number;
  readonly pages: number;
  readonly quality: { readonly metric: string; readonly points: readonly Point[] } | null;
  readonly pinned: string | undefined;
}

export function versionUrl(version: string): string {
  return `/console/models/${encodeURIComponent(version)}`;
}

export function modelsPage(models: Models, frame: Frame): Page {
  const { registry, quality, pinned } = models;
  const title = "Models";
  const lead = "What was trained, how it was judged, and what answers users.";
  const body =
    registry.versions.length === 0
      ? html`${heading(title, lead)}${empty("No model was trained yet", "The first training run publishes one as soon as there is activity enough (training.minEvents). Until then users get what is popular or new.")}`
      : html`${heading(title, lead)}
${actionsNote(frame)}
${pinned === undefined ? "" : html`<p class="note">The resource pins <b>${pinned}</b> (serving.model.pinnedVersion): it answers users whatever is promoted here. The champion takes over when the pin goes.</p>`}
<div data-live="champion">${championCard(models, frame)}</div>
${quality === null ? "" : qualityChart(quality)}
<section data-live="board">${leaderboardOf(models, frame)}
<p class="hint">Figures are of lists for users held out from training. Versions of one run were judged on the same events; those of different runs were not.${registry.hasOlder ? " Older versions than these are not listed; productmatcher models list has all." : ""}</p></section>
<section data-live="history"><h2>Who answered users</h2>${history(registry, frame)}</section>`;
  return { title, section: "models", body, refresh: 5_000 };
}

function leaderboardOf({ board, page, pages, registry }: Models, frame: Frame): Html {
  const url = (to: number) => boardUrl(board.sortedBy, to);
  const versions = counted(registry.versions.length, "version");
  return html`<div class="bar"><h2>Leaderboard</h2>${sorting(board)}</div>
${page > pages ? beyondLast({ page, pages, of: versions }, url) : boardTable(board, frame)}${pager(page, pages, url)}`;
}

function boardUrl(sort: string, page = 1): string {
  return `/console/models?sort=${encodeURIComponent(sort)}${page > 1 ? `&page=${page}` : ""}`;
}

function championCard({ registry, pinned }: Models, frame: Frame): Html {
  const previous = registry.lineage.at(-2) ?? null;
  const champion = registry.versions.find(({ version }) => version === registry.aliases.champion);
  const rollBack = action(frame, {
    url: "/console/models/roll-back",
    label: "Roll back",
    // A second press, or a page that was opened before somebody else moved it, must not go further back.
    fields: { from: registry.aliases.champion ?? "" },
    obstacle: previous === null ? "Nothing answered users before the present version." : null,
  });
  if (champion === undefined) {
    return html`<section class="card">${empty("No version answers users", "Promote one of those below.")}</section>`;
  }
  const { judgedBy, lift, holdout } = champion.configuration;
  const judged = judgedBy === undefined ? undefined : champion.metrics[judgedBy.toLowerCase()];
  const promoted = registry.promotions.find(({ version }) => version === champion.version);
  return html`<section class="card champion" aria-labelledby="champion"><div><p class="over">${pinned === undefined || pinned === champion.version ? "Answers users" : "Champion, while another one is pinned"}</p><h2 id="champion"><a href="${versionUrl(champion.version)}">${champion.version}</a></h2>
<p>${champion.algorithm}, trained ${ago(champion.createdAt, frame.now)} on ${counted(champion.events, "event")} of ${counted(champion.actors, "user")}${
    promoted === undefined ? "" : html`; in service since ${moment(promoted.at)} by ${CAUSES[promoted.cause]}`
  }.</p></div>
<dl class="figures small">${judged === undefined ? "" : html`<div class="tile"><dt>${judgedBy}</dt><dd><b>${score(judged)}</b><span>on ${counted(holdout?.actors ?? 0, "user")} held out</span></dd></div>`}
${lift ? html`<div class="tile"><dt>Lift</dt><dd><b>${change(lift.percent)}</b><span>${change(lift.low)} to ${change(lift.high)} over the one before</span></dd></div>` : ""}</dl>
<div class="actions">${rollBack}<span class="hint">${previous === null ? "Nothing answered users before this version." : `to ${previous}`}</span></div></section>`;
}

const CAUSES = { training: "a training run", promote: "a person", rollback: "a roll back" } as const;

function qualityChart({ metric, points }: NonNullable<Models["quality"]>): Html {
  return html`<figure class="chart"><figcaption><h2>Quality of each version</h2><span>${metric} on held-out activity, by time of training</span></figcaption>
<div class="plot low" data-chart="quality" data-points="${JSON.stringify(points)}" role="img" aria-label="${metric} of ${counted(points.length, "version")} over time; the leaderboard has the figures."><p class="loading">Loading…</p></div></figure>`;
}

function sorting({ metrics, sortedBy }: Leaderboard): Html {
  const link = (sort: string, label: string) =>
    html`<a href="${boardUrl(sort)}"${sort === sortedBy ? html` aria-current="true"` : ""}>${label}</a>`;
  return html`<nav class="tabs" aria-label="Order of the leaderboard">${link(NEWEST, "Newest")}${metrics.map((metric) =>
    link(metric, metricName(metric)),
  )}</nav>`;
}

function boardTable({ rows, metrics }: Leaderboard, frame: Frame): Html {
  return html`<table class="board"><thead><tr><th scope="col">Version</th><th scope="col">State</th>${metrics.map(
    (metric) => html`<th scope="col" class="number">${metricName(metric)}</th>`,
  )}<th scope="col" class="number">Events</th><th scope="col" class="number">Fit</th><th scope="col"><span class="unseen">Action</span></th></tr></thead>
<tbody>${rows.map((row) => boardRow(row, metrics, frame))}</tbody></table>`;
}

function boardRow(
  { version, serves, isChampion, obstacle, shares }: Row,
  metrics: readonly string[],
  frame: Frame,
): Html {
  return html`<tr${isChampion ? html` class="current"` : ""}><th scope="row" data-label="Version"><a href="${versionUrl(version.version)}">${version.version}</a><span class="facts">${version.algorithm}, ${ago(version.createdAt, frame.now)}</span></th>
<td data-label="State">${state(version, serves)}</td>${metrics.map(
    (metric) =>
      html`<td class="number" data-label="${metricName(metric)}">${meter(version.metrics[metric], shares[metric] ?? 0)}</td>`,
  )}<td class="number" data-label="Events">${count(version.events)}</td><td class="number" data-label="Fit">${duration(version.fitSeconds * 1_000)}</td>
<td class="actions">${action(frame, {
    url: "/console/models/promote",
    label: "Promote",
    of: version.version,
    fields: { version: version.version },
    obstacle,
  })}</td></tr>`;
}

function state({ status, reason, available }: ListedVersion, serves: readonly string[]): Html {
  if (serves.length > 0) return html`<span class="pill good">Serves ${serves.join(", ")}</span>`;
  if (status === "failed") return html`<span class="pill bad">Failed</span><span class="facts">${reason}</span>`;
  if (status === "refused")
    return html`<span class="pill attention">Refused</span><span class="facts">${reason}</span>`;
  return available ? html`<span class="pill">Ready</span>` : html`<span class="pill">Pruned</span>`;
}

function meter(value: number | undefined, share: number): Html {
  if (value === undefined) return html`<span class="facts">not judged</span>`;
  return html`${score(value)}<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect width="${Math.max(0, Math.round(share * 100))}" height="4"/></svg>`;
}

function history({ promotions }: Registry, { now }: Frame): Html {
  if (promotions.length === 0) return empty("Nothing yet", "Each change of what answers users will be listed here.");
  return html`<ol class="timeline">${promotions
    .slice(0, 50)
    .map(
      ({ at, version, replaces, cause }) =>
        html`<li class="${cause}"><time datetime="${new Date(at).toISOString()}" title="${moment(at)}">${ago(at, now)}</time><span><a href="${versionUrl(version)}">${version}</a>${
          replaces === null ? "" : html` in place of ${replaces}`
        }<span class="facts">by ${CAUSES[cause]}</span></span></li>`,
    )}</ol>`;
}

export interface ModelDetail {
  readonly version: ListedVersion;
  readonly row: Row;
  readonly champion: ListedVersion | undefined;
}

export function modelPage({ version, row, champion }: ModelDetail, frame: Frame): Page {
  const { configuration: how } = version;
  const facts: readonly (readonly [string, Html | string | null])[] = [
    ["Algorithm", version.algorithm],
    ["Trained", `${moment(version.createdAt)}, in ${duration(version.fitSeconds * 1_000)}`],
    ["Release", how.release ?? null],
    [
      "Data",
      version.dataFrom === null || version.dataTo === null
        ? counted(version.events, "event")
        : `${counted(version.events, "event")} from ${moment(version.dataFrom)} to ${moment(version.dataTo)}`,
    ],
    ["Knows", `${counted(version.items, "item")}, ${counted(version.actors, "user")}`],
    [
      "Judged on",
      how.holdout === undefined
        ? null
        : `${counted(how.holdout.actors, "user")} from ${moment(Date.parse(how.holdout.from))}`,
    ],
    [
      "Lift",
      how.lift
        ? `${change(how.lift.percent)} (${change(how.lift.low)} to ${change(how.lift.high)}) over what was in service`
        : null,
    ],
    ["Followed", how.parent ? html`<a href="${versionUrl(how.parent)}">${how.parent}</a>` : null],
    ["Rows", version.available ? count(version.entries) : "gone"],
    [
      "Made of",
      how.components === undefined
        ? null
        : html`${Object.values(how.components).map((part) => html`<a class="block" href="${versionUrl(part)}">${part}</a>`)}`,
    ],
    ["Reason", version.reason || null],
  ];
  const parameters = Object.entries(how.parameters);
  const metrics = compared(version, row.isChampion ? undefined : champion);
  const body = html`<nav class="crumbs" aria-label="You are here"><a href="/console/models">Models</a></nav>
${heading(
  version.version,
  state(version, row.serves),
  action(frame, {
    url: "/console/models/promote",
    label: "Promote",
    style: "primary",
    fields: { version: version.version },
    obstacle: row.obstacle,
  }),
)}
${actionsNote(frame)}
<div class="columns"><section class="card"><h2>How it came to be</h2><dl class="pairs wide">${facts.map(
    ([name, value]) => (value === null ? "" : html`<div><dt>${name}</dt><dd>${value}</dd></div>`),
  )}</dl>${
    parameters.length === 0
      ? ""
      : html`<h3>Parameters</h3><dl class="pairs">${parameters.map(([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>`)}</dl>`
  }</section>
<section class="card"><h2>What it was judged at</h2>${
    metrics.length === 0
      ? empty("Not judged", "Nothing could be held out when it was trained.")
      : html`<table><thead><tr><th scope="col">Metric</th><th scope="col" class="number">Value</th>${row.isChampion ? "" : html`<th scope="col" class="number">Champion</th><th scope="col" class="number">Change</th>`}</tr></thead><tbody>${metrics.map(
          ({ metric, value, champion, percent }) =>
            html`<tr><th scope="row">${metricName(metric)}</th><td class="number">${score(value)}</td>${
              row.isChampion
                ? ""
                : html`<td class="number">${champion === null ? "–" : score(champion)}</td><td class="number">${percent === null ? "–" : change(percent)}</td>`
            }</tr>`,
        )}</tbody></table>`
  }</section></div>`;
  return { title: version.version, section: "models", body };
}
