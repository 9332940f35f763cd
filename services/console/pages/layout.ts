/** The frame of every page. */
import type { Rights } from "../access.ts";
import { counted } from "../format.ts";
import { type Html, html } from "../html.ts";

export type Section = "overview" | "models" | "dead-letters" | "users" | "catalogue" | "sign-in";

export interface Notice {
  readonly kind: "done" | "failed";
  readonly text: string;
}

/** What all pages are told. */
export interface Frame {
  readonly pipeline: string;
  readonly rights: Rights;
  /** A sentence: how a key is made where there is none. */
  readonly howToEnable: string;
  /** Of the last action; shown once. */
  readonly notice: Notice | null;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly noticeCookie: string;
  /** Path and query of this page, or of the one whose form was sent: where a sign-in leads back to. */
  readonly address: string;
  /** Whether a form was sent. */
  readonly isAction: boolean;
}

export interface Page {
  readonly title: string;
  readonly section: Section;
  readonly body: Html;
  /** How often the parts marked `data-live` are looked at again, in milliseconds. Absent: never. */
  readonly refresh?: number;
  /** Addresses of pictures: their origins may be loaded from. */
  readonly pictures?: readonly string[];
  readonly status?: number;
}

const NAVIGATION: readonly (readonly [Section, string, string, Html])[] = [
  ["overview", "/console", "Overview", icon("M3 12h4l3-8 4 16 3-8h4")],
  ["models", "/console/models", "Models", icon("M4 20V10M10 20V4M16 20v-7M22 20H2")],
  ["dead-letters", "/console/dead-letters", "Dead letters", icon("M3 6h18v12H3zM3 7l9 7 9-7")],
  ["users", "/console/users", "Users", icon("M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6")],
  ["catalogue", "/console/catalogue", "Catalogue", icon("M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z")],
];

export function icon(path: string): Html {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;
}

export function layout({ title, section, body, refresh }: Page, frame: Frame): Html {
  const { pipeline, rights, notice } = frame;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${pipeline} · ProductMatcher</title>
<link rel="icon" href="/console/assets/icon.svg">
<link rel="stylesheet" href="/console/assets/uPlot.min.css">
<link rel="stylesheet" href="/console/assets/console.css">
<script src="/console/assets/uPlot.iife.min.js" defer></script>
<script src="/console/assets/console.js" type="module"></script>
</head>
<body${refresh === undefined ? "" : html` data-refresh="${refresh}"`}>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/console"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/><circle cx="12" cy="16" r="6"/><circle cx="20" cy="16" r="6"/></svg><span>ProductMatcher</span></a>
<span class="pipeline" title="The pipeline, namespace and name">${pipeline}</span>
${rights.maySee ? navigation(section) : null}
<div class="session">${session(frame)}</div>
</header>
<main id="main" tabindex="-1">
<div class="lost" role="alert" hidden>No answer from the pipeline. What you see may be old; this page tries again by itself.</div>
${notice === null ? null : html`<p class="notice ${notice.kind}" role="status">${notice.text}</p>`}
${body}
</main>
</body>
</html>`;
}

function navigation(current: Section): Html {
  return html`<nav aria-label="Console"><ul>${NAVIGATION.map(
    ([section, url, label, drawn]) =>
      html`<li><a href="${url}"${section === current ? html` aria-current="page"` : ""}>${drawn}<span>${label}</span></a></li>`,
  )}</ul></nav>`;
}

function session({ rights, address }: Frame): Html {
  if (rights.signedInAs !== null) {
    return html`<form method="post" action="/console/sign-out"><span class="who">Signed in as <b>${rights.signedInAs}</b></span>
<button class="quiet" type="submit">Sign out</button></form>`;
  }
  return rights.hasKeys
    ? html`<a class="button" href="/console/sign-in?to=${encodeURIComponent(address)}">Sign in</a>`
    : html`<span class="who">Read only</span>`;
}

/** A heading with what the page is for. */
export function heading(title: string, lead: Html | string, aside: Html | null = null): Html {
  return html`<div class="heading"><div><h1>${title}</h1><p class="lead">${lead}</p></div>${aside}</div>`;
}

/** What stands in the place of something that there is not. */
export function empty(title: string, text: Html | string): Html {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${text}</p></div>`;
}

/** Why the actions of a page cannot be used; nothing where they can. */
export function actionsNote({ rights, howToEnable, address }: Frame): Html | null {
  if (rights.mayAct) return null;
  if (!rights.hasKeys) return html`<p class="note">Actions are off: no admin key is configured. ${howToEnable}</p>`;
  const url = `/console/sign-in?to=${encodeURIComponent(address)}`;
  return html`<p class="note">Actions need an admin key: <a href="${url}">sign in</a> to use them.</p>`;
}

export interface Action {
  readonly url: string;
  readonly label: string;
  /** Tells it apart from the same action on something else. */
  readonly of?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly style?: "primary" | "quiet" | "";
  /** Why it cannot be used now, beside missing rights. */
  readonly obstacle?: string | null;
}

/** A button that changes something: a form, so that it works by keyboard and without a script. */
export function action({ rights }: Frame, { url, label, of, fields = {}, style = "", obstacle = null }: Action): Html {
  const isOff = !rights.mayAct || obstacle !== null;
  const why = obstacle ?? (rights.hasKeys ? "Sign in to use this." : "No admin key is configured.");
  return html`<form method="post" action="${url}" class="action">${Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}<button type="submit" class="${style}"${isOff ? html` disabled title="${why}"` : ""}>${label}${
    of === undefined ? "" : html`<span class="unseen"> ${of}</span>`
  }</button></form>`;
}

/** In place of a list that has fewer pages than its address asks for. */
export function beyondLast(
  { page, pages, of }: { readonly page: number; readonly pages: number; readonly of: string },
  url: (page: number) => string,
): Html {
  const text = html`There is no page ${page}: ${of} on ${counted(pages, "page")}. <a href="${url(pages)}">Show the last page</a>`;
  return empty("Beyond the last page", text);
}

/** Links to the pages of a list; `url` is that of a page, from 1. */
export function pager(page: number, pages: number, url: (page: number) => string): Html | null {
  if (pages <= 1 || page > pages) return null;
  return html`<nav class="pager" aria-label="Pages">${
    page > 1 ? html`<a class="button" rel="prev" href="${url(page - 1)}">Previous</a>` : ""
  }<span>Page ${page} of ${pages}</span>${
    page < pages ? html`<a class="button" rel="next" href="${url(page + 1)}">Next</a>` : ""
  }</nav>`;
}
