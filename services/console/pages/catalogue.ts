import { count, counted, deed, figure, moment } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { SimilarItems } from "../ports.ts";
import type { Item, Shop } from "../shop.ts";
import { type Items, itemCard, itemFacts, itemUrl, picture, picturesOf, priceOf, productCard } from "./item-card.ts";
import { beyondLast, empty, heading, type Page, pager } from "./layout.ts";
import { versionUrl } from "./models.ts";

export interface Catalogue {
  readonly text: string;
  readonly category: string;
  readonly categories: Awaited<ReturnType<Shop["categories"]>>;
  readonly items: readonly Item[];
  readonly total: number;
  readonly page: number;
  readonly pages: number;
}

function searchUrl(text: string, category: string, page = 1): string {
  const query = new URLSearchParams();
  if (text !== "") query.set("q", text);
  if (category !== "") query.set("category", category);
  if (page > 1) query.set("page", String(page));
  return query.size === 0 ? "/console/catalogue" : `/console/catalogue?${query}`;
}

export function cataloguePage({ text, category, categories, items, total, page, pages }: Catalogue): Page {
  const known: Items = new Map(items.map((item) => [item.id, item]));
  const isSearch = text !== "" || category !== "";
  const nothing = isSearch
    ? empty(
        "Nothing found",
        html`No item holds all of these words${category === "" ? "" : ` in ${category}`}. <a href="/console/catalogue">Show the whole catalogue</a>`,
      )
    : empty(
        "The catalogue is empty",
        "Items come from the shop's table (enrichment.postgres.items), a topic of items, or PUT /v1/items/{id}. Recommendations work without: they then have ids alone.",
      );
  const body = html`${heading("Catalogue", "What can be recommended, and what goes with what.")}
${searchForm("/console/catalogue", text, category, categories)}
<p class="hint" role="status">${counted(total, "item")}${isSearch ? " found" : ""}</p>
${total === 0 ? nothing : page > pages ? beyondLast({ page, pages, of: counted(total, "item") }, (to) => searchUrl(text, category, to)) : html`<ul class="grid">${items.map((item) => productCard(item, itemUrl(item.id)))}</ul>${pager(page, pages, (to) => searchUrl(text, category, to))}`}`;
  const title = isSearch ? `Catalogue: ${[text, category].filter((part) => part !== "").join(", ")}` : "Catalogue";
  return { title, section: "catalogue", body, pictures: picturesOf(known) };
}

/** @param action address of the page that takes `q` and `category` */
export function searchForm(action: string, text: string, category: string, categories: Catalogue["categories"]): Html {
  return html`<form class="search" role="search" action="${action}"><div class="field"><label for="q">Words of a name, category or tag, or an id</label><input id="q" name="q" type="search" value="${text}" autocomplete="off"></div>
<div class="field"><label for="category">Category</label><select id="category" name="category"><option value="">All categories</option>${categories.map(
    (one) =>
      html`<option value="${one.category}"${one.category === category ? html` selected` : ""}>${one.category} (${count(one.items)})</option>`,
  )}</select></div><button type="submit" class="primary">Search</button></form>`;
}

export interface ItemDetail {
  readonly id: string;
  readonly item: Item | undefined;
  /** `null`: it could not be counted in time. */
  readonly activity: Awaited<ReturnType<Shop["activity"]>> | null;
  readonly behaviour: SimilarItems | null;
  readonly content: SimilarItems | null;
  readonly items: Items;
}

export function itemPage({ id, item, activity, behaviour, content, items }: ItemDetail): Page {
  const name = item?.name || `Item ${id}`;
  const facts: readonly (readonly [string, string])[] =
    item === undefined
      ? []
      : [
          ["Id", id],
          ["Price", priceOf(item)],
          ["Categories", item.categories.join(" › ")],
          ["Tags", item.tags.join(", ")],
          ["In stock", item.stock === null ? "" : counted(item.stock, "piece")],
          ["In the shop since", item.createdAt === null ? "" : moment(item.createdAt)],
          ...Object.entries(item.attributes).map(([attribute, text]) => [attribute, text] as const),
        ];
  const body = html`<nav class="crumbs" aria-label="You are here"><a href="/console/catalogue">Catalogue</a></nav>
<div class="product-head">${picture(item, "large")}<div>${heading(name, item?.description || itemFacts(item))}
${item?.hidden ? html`<p class="note">Hidden: it is never recommended.</p>` : ""}</div></div>
<div class="columns"><section class="card"><h2>In the catalogue</h2>${
    item === undefined
      ? empty(
          "Not in the catalogue",
          `Nobody has told the pipeline what ${id} is; it may still be recommended by what people do with it.`,
        )
      : html`<dl class="pairs wide">${facts.map(([fact, text]) => (text === "" ? "" : html`<div><dt>${fact}</dt><dd>${text}</dd></div>`))}</dl>`
  }</section>
<section class="card" data-live="activity"><h2>What people did with it</h2>${activityList(activity)}</section></div>
<div class="columns"><section class="card"><h2>Goes with it</h2><p class="hint">By what people look at and buy together.</p>${similarList(behaviour, items, "itemNeighbours", "Nobody has touched this item together with another one often enough.")}</section>
<section class="card"><h2>Similar by content</h2><p class="hint">By text, category and attributes, also for items that nobody has touched.</p>${similarList(content, items, "content", "No other item is like it.")}</section></div>
<p class="hint">What a product page is answered: <a href="/v1/recommendations/items/${encodeURIComponent(id)}/similar?limit=12">the answer of the API</a>.</p>`;
  return { title: name, section: "catalogue", body, refresh: 10_000, pictures: picturesOf(items) };
}

function activityList(activity: ItemDetail["activity"]): Html {
  if (activity === null)
    return empty("Not counted", "The database took too long to count; try again when it is less busy.");
  if (activity.length === 0) return empty("Nothing in the last 30 days", "Nobody has touched it.");
  return html`<table><thead><tr><th scope="col">The last 30 days</th><th scope="col" class="number">Events</th><th scope="col" class="number">Users</th></tr></thead><tbody>${activity.map(
    ({ event, events, users }) =>
      html`<tr><th scope="row">${deed(event)}</th><td class="number">${count(events)}</td><td class="number">${count(users)}</td></tr>`,
  )}</tbody></table>`;
}

function similarList(similar: SimilarItems | null, items: Items, algorithm: string, nothing: string): Html {
  if (similar === null) return empty("No such model is served", `Name ${algorithm} in training.algorithms, and train.`);
  if (similar.items.length === 0) return empty("None", nothing);
  const best = similar.items[0]?.score || 1;
  return html`<ol class="items">${similar.items.map(({ item, score }, place) =>
    itemCard({
      ...{ id: item, items, rank: place + 1 },
      more: html`<span class="reason">score ${figure(score)}<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect width="${Math.round((100 * score) / best)}" height="4"/></svg></span>`,
    }),
  )}</ol><p class="hint">From <a href="${versionUrl(similar.version)}">${similar.version}</a>.</p>`;
}
