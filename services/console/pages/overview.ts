import { ago, count, duration, rate } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Health, latency, overall, type Part } from "../parts.ts";
import type { RecommenderState } from "../ports.ts";
import type { Sample, summary } from "../samples.ts";
import { type Frame, heading, type Page } from "./layout.ts";

export interface Overview {
  readonly parts: readonly Part[];
  readonly now: ReturnType<typeof summary>;
  readonly samples: readonly Sample[];
  /** `null`: not known. */
  readonly openDeadLetters: number | null;
  readonly recommender: RecommenderState;
}

const WORDS: Readonly<Record<Health, string>> = {
  Good: "Good",
  Attention: "Needs attention",
  Bad: "Broken",
  Unknown: "Not seen from here",
};

const SUMMARIES = {
  Good: "Everything that this page can see works.",
  Attention: "Recommendations are answered; something needs attention.",
  Bad: "Something is broken.",
};

export function overviewPage(overview: Overview, frame: Frame): Page {
  const { parts, samples } = overview;
  const health = overall(parts);
  const body = html`
${heading("Overview", "Are recommendations fresh, fast and good; and if not, which part is to blame?")}
<section data-live="state" aria-label="State">
<p class="banner ${health.toLowerCase()}">${mark(health)}<span>${SUMMARIES[health]}</span></p>
${figures(overview, frame)}
</section>
<div class="charts">
${chart("throughput", "Throughput", "events and answers a second, the last 15 minutes", samples.length)}
${chart("speed", "Freshness and latency", "milliseconds, the last 15 minutes", samples.length)}
</div>
<section data-live="parts"><h2>Parts</h2>
<ul class="parts">${parts.map(partCard)}</ul>
</section>`;
  return { title: "Overview", section: "overview", body, refresh: 2_000 };
}

function figures({ now, openDeadLetters, recommender }: Overview, frame: Frame): Html {
  const [model, trainedAt] = answering(recommender, frame);
  const fresh = now?.freshnessMilliseconds ?? null;
  const late = now?.latencyMilliseconds ?? null;
  return html`<dl class="figures">
${tile("Events", now === null ? "…" : rate(now.events), "a second, accepted")}
${tile("Answers", now === null ? "…" : rate(now.answers), "a second, from this process")}
${tile("Freshness", fresh === null ? "–" : duration(fresh), fresh === null ? "nothing new has come" : "from the log to the next answer")}
${tile("Latency", late === null ? "–" : latency(late), late === null ? "nobody asked lately" : "99th percentile of an answer")}
${tile("Answers users", model, trainedAt, "/console/models")}
${tile("Dead letters", openDeadLetters === null ? "–" : count(openDeadLetters), openDeadLetters === null ? "not known now" : "open records", "/console/dead-letters")}
</dl>`;
}

/** What the recommender holds in memory: that answers, also while the registry cannot be read. */
function answering({ models, waitingFor }: RecommenderState, { now }: Frame): readonly [string, string] {
  const { champion } = models;
  if (champion !== undefined) return [champion.algorithm, `trained ${ago(Date.parse(champion.trainedAt), now)}`];
  return waitingFor.length > 0 ? ["–", "not known yet"] : ["no model", "popular and new items are shown"];
}

function tile(name: string, value: string, unit: string, url?: string): Html {
  const label = url === undefined ? name : html`<a href="${url}">${name}</a>`;
  return html`<div class="tile"><dt>${label}</dt><dd><b${/\d/.test(value) || value.length < 3 ? "" : html` class="word"`}>${breakable(value)}</b><span>${unit}</span></dd></div>`;
}

/** `itemNeighbours` in two lines, where there is no room for one. */
function breakable(value: string): Html {
  return html`${value.split(/(?=[A-Z])/).map((word, place) => html`${place > 0 ? html`<wbr>` : ""}${word}`)}`;
}

function chart(id: string, title: string, unit: string, samples: number): Html {
  return html`<figure class="chart"><figcaption><h2>${title}</h2><span>${unit}</span></figcaption>
<div class="plot" data-chart="${id}" role="img" aria-label="${title}: ${unit}. The figures above say the present values.">
${samples === 0 ? html`<p class="loading">Measuring begins with the next seconds…</p>` : html`<p class="loading">Loading…</p>`}</div></figure>`;
}

function partCard({ name, does, health, says, facts }: Part): Html {
  return html`<li class="part ${health.toLowerCase()}"><h3>${name}</h3><span class="pill ${health.toLowerCase()}">${mark(health)}${WORDS[health]}</span>
<p class="does">${does}</p><p>${says}</p>
${facts.length === 0 ? "" : html`<dl class="pairs">${facts.map(([fact, value]) => html`<div><dt>${fact}</dt><dd>${value}</dd></div>`)}</dl>`}</li>`;
}

/** A shape beside the colour. */
export function mark(health: Health): Html {
  const paths: Readonly<Record<Health, string>> = {
    Good: "M4 12l5 5L20 6",
    Attention: "M12 5v9M12 18v1",
    Bad: "M6 6l12 12M18 6L6 18",
    Unknown: "M5 12h14",
  };
  return html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="${paths[health]}"/></svg>`;
}
