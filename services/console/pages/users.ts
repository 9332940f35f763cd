import { type Answered, type AnsweredItem, answerSummary, reasonOf, sourceLabel } from "../explanation.ts";
import { ago, counted, deed, figure, moment } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { ListedItem, PastEvent } from "../ports.ts";
import { segmentOf } from "../segment.ts";
import type { Person } from "../shop.ts";
import { type Items, itemCard, itemUrl, picturesOf, titleOf } from "./item-card.ts";
import { action, actionsNote, empty, type Frame, heading, type Page } from "./layout.ts";

export function userUrl(id: string): string {
  return `/console/users/${segmentOf(id)}`;
}

/** Whom it stands for: somebody who never signed in has no user id. */
function actorName(id: string): string {
  const [, kind, rest] = /^(anonymous|session):(.*)$/s.exec(id) ?? [];
  if (rest === undefined) return `User ${id}`;
  return kind === "anonymous" ? `Visitor ${rest}` : `Visit ${rest}`;
}

export function usersPage(
  { text, people }: { readonly text: string; readonly people: readonly Person[] },
  frame: Frame,
): Page {
  const lead = "What the shop knows of a user, what it answers them, and why. Answers change while they click.";
  const body = html`${heading("Users", lead)}
<form class="search" role="search" action="/console/users"><label for="q">User id or name</label><div><input id="q" name="q" type="search" value="${text}" autocomplete="off"><button type="submit" class="primary">Search</button></div></form>
<section data-live="people"><h2>${text === "" ? "Here last" : `Found for “${text}”`}</h2>
${
  people.length === 0
    ? text === ""
      ? empty("Nobody yet", "Users appear here with their first event.")
      : empty(
          "Nobody found",
          html`Nobody of the last 30 days matches. <a href="${userUrl(text)}">Inspect the id ${text} anyway</a>: a user whom nobody has seen is answered, too.`,
        )
    : html`<ul class="people">${people.map(
        ({ id, name, events, lastAt }) =>
          html`<li class="card"><a href="${userUrl(id)}">${name || actorName(id)}</a><span class="facts">${name ? `${actorName(id)} · ` : ""}${counted(events, "event")} · here ${ago(lastAt, frame.now)}</span></li>`,
      )}</ul>`
}</section>`;
  return {
    title: text === "" ? "Users" : `Users: ${text}`,
    section: "users",
    body,
    ...(text === "" ? { refresh: 3_000 } : {}),
  };
}

export interface UserDetail {
  readonly id: string;
  readonly person: Person | null;
  readonly history: readonly PastEvent[];
  readonly interests: readonly ListedItem[];
  readonly answer: Answered;
  readonly items: Items;
  /** Whether activity can be made up here: the shop is a simulated one. */
  readonly mayPretend: boolean;
}

const SHOWN_EVENTS = 8;
const LISTED_EVENTS = 60;
const SHOWN_INTERESTS = 8;

export function userPage(detail: UserDetail, frame: Frame): Page {
  const { id, person, history, interests, answer, items } = detail;
  const name = person?.name || actorName(id);
  // The recommender learns of an event before a replica of the table may.
  const events = Math.max(person?.events ?? 0, history.length);
  const lead =
    events === 0
      ? "Nobody of this id has done anything yet."
      : `${person?.name ? `${actorName(id)}, ` : ""}${counted(events, "event")}, here ${ago(Math.max(person?.lastAt ?? 0, history[0]?.occurredAt ?? 0), frame.now)}.`;
  const body = html`<nav class="crumbs" aria-label="You are here"><a href="/console/users">Users</a></nav>
<div data-live="user">${heading(name, lead, html`<span class="live"><span class="dot"></span>Live</span>`)}</div>
${detail.mayPretend ? actionsNote(frame) : ""}
<div class="columns three"><section class="card" aria-labelledby="history"><h2 id="history"><span class="step">1</span>What they did</h2><div data-live="history">${historyList(history, items, frame)}</div></section>
<section class="card" aria-labelledby="counts"><h2 id="counts"><span class="step">2</span>What counts now</h2><div data-live="interests">${interestList(interests, items)}</div></section>
<section class="card wide" aria-labelledby="answer"><h2 id="answer"><span class="step">3</span>What they are recommended</h2><div data-live="answer"><p>${answerSummary(answer)}</p>${answerList(detail, frame)}
<p class="hint">The same as JSON: <a href="/v1/recommendations/users/${encodeURIComponent(id)}?limit=12">the answer of the API</a>.</p></div></section></div>`;
  return { title: name, section: "users", body, refresh: 1_500, pictures: picturesOf(items) };
}

function historyList(history: readonly PastEvent[], items: Items, { now }: Frame): Html {
  if (history.length === 0) return empty("Nothing yet", "As soon as this user looks at something, it stands here.");
  const [shown, earlier] = [history.slice(0, SHOWN_EVENTS), history.slice(SHOWN_EVENTS, LISTED_EVENTS)];
  const list = (events: readonly PastEvent[]) =>
    html`<ol class="events">${events.map(
      ({ event, item, occurredAt, quantity }) =>
        html`<li class="${event}"><span class="deed">${deed(event)}${quantity > 1 ? ` ×${quantity}` : ""}</span> <a href="${itemUrl(item)}">${titleOf(item, items)}</a><time class="facts" datetime="${new Date(occurredAt).toISOString()}" title="${moment(occurredAt)}">${ago(occurredAt, now)}</time></li>`,
    )}</ol>`;
  const more =
    earlier.length === 0
      ? ""
      : html`<details><summary>${counted(earlier.length, "earlier event")}</summary>${list(earlier)}</details>`;
  return html`${list(shown)}${more}`;
}

function interestList(interests: readonly ListedItem[], items: Items): Html {
  if (interests.length === 0) return empty("Nothing", "No event of this user says what they want.");
  const strongest = interests.toSorted((a, b) => b.score - a.score).slice(0, SHOWN_INTERESTS);
  const most = strongest[0]?.score ?? 1;
  return html`<p class="hint">Each kind of event has a weight (training.weights), halved with age.</p><ul class="interests">${strongest.map(
    ({ item, score }) =>
      html`<li><a href="${itemUrl(item)}">${titleOf(item, items)}</a><span class="number">${figure(score)}</span><svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect width="${Math.round((100 * score) / most)}" height="4"/></svg></li>`,
  )}</ul>`;
}

function answerList({ id, answer, items, history, mayPretend }: UserDetail, frame: Frame): Html {
  return html`<ol class="items">${answer.items.map((entry, place) =>
    itemCard({
      ...{ id: entry.item, items, rank: place + 1 },
      more: reasonLine(entry, history, items, frame),
      action: mayPretend
        ? action(frame, {
            url: `${userUrl(id)}/act`,
            label: "View it",
            of: `as this user: ${titleOf(entry.item, items)}`,
            style: "quiet",
            fields: { event: "view", item: entry.item },
          })
        : null,
    }),
  )}</ol>`;
}

function reasonLine(entry: AnsweredItem, history: readonly PastEvent[], items: Items, { now }: Frame): Html {
  const { text, because, when } = reasonOf(entry, history, now);
  return html`<span class="reason"><span class="pill source-${entry.reason.type}">${sourceLabel(entry.reason.type)}</span> ${text}${
    because === null ? "" : html` <a href="${itemUrl(because)}">${titleOf(because, items)}</a>`
  }${when === "" ? "" : html`, ${when}`} <span class="facts">score ${figure(entry.score)}</span></span>`;
}
