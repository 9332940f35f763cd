/** Items as a merchandiser knows them: picture, title, price, category. */
import { price } from "../format.ts";
import { type Html, html } from "../html.ts";
import { segmentOf } from "../segment.ts";
import type { Item } from "../shop.ts";

const HUES = 10;

export type Items = ReadonlyMap<string, Item>;

export function itemUrl(id: string): string {
  return `/console/catalogue/${segmentOf(id)}`;
}

/** The name where the catalogue has one. */
export function titleOf(id: string, items: Items): string {
  return nameOf({ id, name: "", ...items.get(id) });
}

export function nameOf({ id, name }: Pick<Item, "id" | "name">): string {
  return name || `Item ${id}`;
}

/** Decoration: the title stands beside it. */
export function picture(item: Item | undefined, size: "small" | "large" = "small"): Html {
  if (item?.picture) {
    return html`<img class="picture ${size}" src="${item.picture}" alt="" loading="lazy" referrerpolicy="no-referrer">`;
  }
  const category = item?.categories.at(-1) ?? "";
  const mark = category === "" ? "?" : category.slice(0, 2);
  return html`<svg class="picture ${size} hue-${hueOf(category)}" viewBox="0 0 48 48" preserveAspectRatio="xMidYMid slice" aria-hidden="true"><rect width="48" height="48"/><text x="24" y="25">${mark}</text></svg>`;
}

/** Always the same for a name. */
function hueOf(name: string): number {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 9_973;
  return hash % HUES;
}

export function priceOf(item: Item | undefined): string {
  return item === undefined || item.price === null ? "" : price(item.price, item.currency);
}

/** Price and category, and what keeps it from being sold. */
export function itemFacts(item: Item | undefined): Html {
  if (item === undefined) return html`<span class="facts">Not in the catalogue</span>`;
  const shown = [priceOf(item), item.categories.join(" › ")].filter((text) => text !== "");
  return html`<span class="facts">${shown.join(" · ")}</span>${
    item.hidden ? html` <span class="pill attention">Hidden</span>` : ""
  }${item.stock === 0 ? html` <span class="pill">Sold out</span>` : ""}`;
}

export interface Card {
  readonly id: string;
  readonly items: Items;
  /** From 1; absent: no rank is shown. */
  readonly rank?: number;
  readonly more?: Html | null;
  readonly action?: Html | null;
}

export function itemCard({ id, items, rank, more = null, action = null }: Card): Html {
  const item = items.get(id);
  return html`<li class="item">${rank === undefined ? "" : html`<span class="rank">${rank}</span>`}${picture(item)}<div class="item-text"><a class="item-title" href="${itemUrl(id)}">${titleOf(id, items)}</a>${itemFacts(item)}${more}</div>${action}</li>`;
}

/** In a grid. @param url of its page */
export function productCard(item: Item, url: string, more: Html | null = null): Html {
  return html`<li class="card product"><a href="${url}">${picture(item, "large")}<span class="item-title">${nameOf(item)}</span></a><b class="price">${priceOf(item)}</b>
<span class="facts">${item.categories.join(" › ")}</span>${item.hidden ? html`<span class="pill attention">Hidden</span>` : ""}${item.stock === 0 ? html`<span class="pill">Sold out</span>` : ""}${more}</li>`;
}

export function picturesOf(items: Items): string[] {
  return [...items.values()].flatMap(({ picture }) => (picture === null ? [] : [picture]));
}
