import type { DeadLetter, DeadLetterCount, DeadLetterWithValue } from "../../clickhouse/index.ts";
import { ago, bytes, count, counted, moment } from "../format.ts";
import { type Html, html } from "../html.ts";
import { hexDump, type Readable } from "../letters.ts";
import { segmentOf } from "../segment.ts";
import { action, actionsNote, beyondLast, empty, type Frame, heading, type Page, pager } from "./layout.ts";

export interface DeadLetters {
  readonly counts: readonly DeadLetterCount[];
  readonly letters: readonly DeadLetter[];
  readonly filter: { readonly topic: string; readonly reason: string; readonly resolved: boolean };
  readonly page: number;
  readonly pages: number;
  /** On all pages. */
  readonly matching: number;
}

export function letterUrl(id: string): string {
  return `/console/dead-letters/${segmentOf(id)}`;
}

export function listUrl({ topic, reason, resolved }: DeadLetters["filter"], page = 1): string {
  const query = new URLSearchParams();
  if (topic !== "") query.set("topic", topic);
  if (reason !== "") query.set("reason", reason);
  if (resolved) query.set("resolved", "true");
  if (page > 1) query.set("page", String(page));
  return query.size === 0 ? "/console/dead-letters" : `/console/dead-letters?${query}`;
}

export function deadLettersPage(found: DeadLetters, frame: Frame): Page {
  const { counts, letters, matching, filter, page, pages } = found;
  const open = counts.reduce((sum, group) => sum + group.open, 0);
  const resolved = counts.reduce((sum, group) => sum + group.resolved, 0);
  const all = { topic: "", reason: "", resolved: filter.resolved };
  const lead = "Records that could not become activity. Nothing is lost: mend the cause, then send them through again.";
  const body = html`${heading("Dead letters", lead)}
${actionsNote(frame)}
<div data-live="letters">
${
  counts.length === 0
    ? empty("No dead letters", "Every record so far could be read, checked and stored.")
    : html`<p class="banner ${open > 0 ? "attention" : "good"}"><span>${counted(open, "record")} open, ${count(resolved)} resolved.</span></p>
<section><h2>Reasons</h2><ul class="groups">${counts.map((group) => groupCard(group, filter, frame))}</ul></section>
<section><div class="bar"><h2>Records</h2><nav class="tabs" aria-label="Which records">
<a href="${listUrl({ ...filter, resolved: false })}"${filter.resolved ? "" : html` aria-current="true"`}>Open</a>
<a href="${listUrl({ ...filter, resolved: true })}"${filter.resolved ? html` aria-current="true"` : ""}>With resolved</a></nav></div>
${filter.topic === "" && filter.reason === "" ? "" : html`<p class="chips">${[filter.topic, filter.reason].filter((text) => text !== "").join(" · ")} <a href="${listUrl(all)}">Show all</a></p>`}
${
  letters.length === 0 && matching > 0 && page > pages
    ? beyondLast({ page, pages, of: counted(matching, "record") }, (to) => listUrl(filter, to))
    : letters.length === 0
      ? empty("Nothing here", "No record matches: all of these are resolved, or the filter is too narrow.")
      : html`<ul class="letters">${letters.map((letter) => letterRow(letter, frame))}</ul>${pager(page, pages, (to) => listUrl(filter, to))}`
}</section>`
}
</div>`;
  return { title: "Dead letters", section: "dead-letters", body, refresh: 3_000 };
}

function groupCard(
  { topic, reason, open, resolved }: DeadLetterCount,
  filter: DeadLetters["filter"],
  frame: Frame,
): Html {
  const isChosen = filter.topic === topic && filter.reason === reason;
  return html`<li class="card group${isChosen ? " chosen" : ""}"><a href="${listUrl({ topic, reason, resolved: filter.resolved })}"><b>${reason}</b><span class="facts">on ${topic}</span></a>
<span class="group-figures"><b>${count(open)}</b> open<span class="facts">${count(resolved)} resolved</span></span>
${action(frame, {
  url: "/console/dead-letters/replay",
  label: "Replay all",
  of: `${reason} on ${topic}`,
  fields: { topic, reason },
  obstacle: open === 0 ? "None of these is open." : null,
})}</li>`;
}

function letterRow({ id, reason, message, failedAt, resolved, size, topic }: DeadLetter, frame: Frame): Html {
  const at = Date.parse(failedAt);
  return html`<li class="letter"><div><a href="${letterUrl(id)}">${id}</a> <span class="pill ${resolved ? "good" : "attention"}">${resolved ? "resolved" : reason}</span>
<p>${message}</p><span class="facts">${topic} · ${bytes(size)} · <time datetime="${failedAt}" title="${moment(at)}">${ago(at, frame.now)}</time></span></div>
<div class="actions"><a class="button" href="${letterUrl(id)}">Mend<span class="unseen"> ${id}</span></a>${action(
    frame,
    {
      url: "/console/dead-letters/replay",
      label: "Replay",
      of: id,
      fields: { id },
      obstacle: resolved ? "It is resolved." : null,
    },
  )}</div></li>`;
}

export interface LetterDetail {
  readonly letter: DeadLetterWithValue;
  readonly value: Uint8Array;
  readonly readable: Readable;
  /** What a person has typed and could not be sent, and why. */
  readonly rejected: { readonly text: string; readonly fault: string } | null;
}

export function deadLetterPage({ letter, value, readable, rejected }: LetterDetail, frame: Frame): Page {
  const { id, resolved, reason, path, message, topic, partition, offset, key, recordedAt, failedAt, size, headers } =
    letter;
  const facts: readonly (readonly [string, string])[] = [
    ["Field", path],
    ["Topic", topic],
    ["Place", `partition ${partition}, offset ${offset}`],
    ["Key", key],
    ["Recorded", moment(Date.parse(recordedAt))],
    ["Not accepted", `${moment(Date.parse(failedAt))} (${ago(Date.parse(failedAt), frame.now)})`],
    ["Size", bytes(size)],
    ...Object.entries(headers).map(([name, text]) => [`Header ${name}`, text] as const),
  ];
  const obstacle = resolved ? "It is resolved: nothing is left to mend." : null;
  const body = html`<nav class="crumbs" aria-label="You are here"><a href="/console/dead-letters">Dead letters</a></nav>
<div data-live="letter-state">${heading(id, html`<span class="pill ${resolved ? "good" : "attention"}">${resolved ? "Resolved" : reason}</span> ${message}`)}</div>
${actionsNote(frame)}
<div class="columns"><section class="card"><h2>Mend and send through</h2>
${
  readable.kind === "bytes"
    ? html`<p>${readable.reason} It can be sent through again as it is.</p><pre class="bytes" tabindex="0" aria-label="The first bytes of the record">${hexDump(value)}</pre>`
    : html`<form method="post" action="${letterUrl(id)}/mend" class="mend"><label for="value">The record${readable.isJson ? "" : html` <span class="facts">(it is not JSON)</span>`}</label>
<textarea id="value" name="value" rows="14" spellcheck="false" autocomplete="off"${rejected === null ? "" : html` aria-invalid="true" aria-describedby="fault"`}${frame.rights.mayAct && !resolved ? "" : html` readonly`}>
${rejected?.text ?? readable.text}</textarea>
${rejected === null ? "" : html`<p id="fault" class="fault" role="alert">${rejected.fault} Nothing was sent.</p>`}
<button type="submit" class="primary"${frame.rights.mayAct && !resolved ? "" : html` disabled title="${obstacle ?? "Sign in to use this."}"`}>Send mended record</button></form>`
}
<p class="hint">The record keeps its identity: what was stored already is not counted twice. If the mapping is at fault rather than the record, mend it in the resource and replay the record as it is.</p>
${action(frame, { url: "/console/dead-letters/replay", label: "Replay as it is", fields: { id, back: "letter" }, obstacle })}</section>
<section class="card"><h2>Where it comes from</h2><dl class="pairs wide">${facts.map(([name, text]) =>
    text === "" ? "" : html`<div><dt>${name}</dt><dd>${text}</dd></div>`,
  )}</dl></section></div>`;
  return { title: id, section: "dead-letters", body, ...(rejected === null ? { refresh: 2_000 } : { status: 422 }) };
}
