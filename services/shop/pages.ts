/** The pages of the storefront. */
import { sourceLabel } from "../console/explanation.ts";
import { counted } from "../console/format.ts";
import { type Html, html } from "../console/html.ts";
import { searchForm } from "../console/pages/catalogue.ts";
import { type Items, itemFacts, nameOf, picture, productCard } from "../console/pages/item-card.ts";
import { beyondLast, empty, heading, pager } from "../console/pages/layout.ts";
import { segmentOf } from "../console/segment.ts";
import type { Item } from "../console/shop.ts";
import type { Recommendation } from "./recommender.ts";
import type { Customer, Stock } from "./stock.ts";

export interface Page {
  readonly title: string;
  readonly body: Html;
  readonly status?: number;
}

export function layout({ title, body }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Demo shop</title>
<link rel="icon" href="/console/assets/icon.svg">
<link rel="stylesheet" href="/console/assets/console.css">
<link rel="stylesheet" href="/assets/shop.css">
<script src="/assets/shop.js" type="module"></script>
<script src="/v1/snippet.js" data-key="" async></script>
</head>
<body class="shop">
<a class="skip" href="#main">Skip to the content</a>
<header>
<a class="shop-name" href="/">Demo shop</a>
<nav aria-label="Shop"><a href="/">All products</a> <a href="/account" data-who>Sign in</a></nav>
</header>
<main id="main" tabindex="-1">
${body}
<p class="notice done" role="status" data-said hidden></p>
<noscript><p class="note">Without scripts the shop sends nothing of what you do, and recommends what is popular.</p></noscript>
<p class="hint">A simulated shop in front of a pipeline, not for production: nothing is sold here.</p>
</main>
</body>
</html>`;
}

function itemUrl(id: string): string {
  return `/items/${segmentOf(id)}`;
}

export interface Shelf {
  readonly text: string;
  readonly category: string;
  readonly categories: Awaited<ReturnType<Stock["categories"]>>;
  readonly items: readonly Item[];
  readonly total: number;
  readonly page: number;
  readonly pages: number;
  readonly recommended: Html;
}

export function shelfPage(shelf: Shelf): Page {
  const { text, category, categories, items, total, page, pages, recommended } = shelf;
  const url = (to: number) => `/?${new URLSearchParams({ q: text, category, page: String(to) })}`;
  const body = html`${heading("Demo shop", "Look around: every click changes what is recommended to you.")}
${recommended}
<section aria-labelledby="products"><h2 id="products">Products</h2>
${searchForm("/", text, category, categories)}
<p class="hint">${counted(total, "product")}</p>
${
  total === 0
    ? empty("Nothing found", html`No product is like this. <a href="/">Show all products</a>`)
    : page > pages
      ? beyondLast({ page, pages, of: counted(total, "product") }, url)
      : html`<ul class="grid">${items.map((item) => productCard(item, itemUrl(item.id)))}</ul>${pager(page, pages, url)}`
}</section>`;
  return {
    title: text === "" && category === "" ? "All products" : `Products: ${[text, category].filter(Boolean).join(", ")}`,
    body,
  };
}

export function itemPage(item: Item, similar: Html, recommended: Html): Page {
  const name = nameOf(item);
  // What is not known is not said.
  const [price, currency] = [item.price ?? undefined, item.currency || undefined];
  const product = { product_id: item.id, name, price, currency };
  const order = { currency, products: [{ product_id: item.id, price, quantity: 1 }] };
  const body = html`<nav class="crumbs" aria-label="You are here"><a href="/">All products</a></nav>
<div class="product-head" data-seen="${JSON.stringify(["view", product])}">${picture(item, "large")}<div>${heading(name, item.description)}
${itemFacts(item)}<p class="facts">${item.attributes.brand ?? ""}</p>
<div class="actions">${call("Add to the cart", ["add", { ...product, quantity: 1 }], `${name} is in the cart.`, item.stock === 0)}${call(
    ...(["Buy now", ["purchase", order], `${name} was bought.`, item.stock === 0] as const),
  )}</div></div></div>
<section aria-labelledby="similar"><h2 id="similar">Goes with it</h2>${similar}</section>
${recommended}`;
  return { title: name, body };
}

export function accountPage(customers: readonly Customer[], recommended: Html): Page {
  const body = html`${heading("Sign in", "As one of the shop's registered users, without a password: what you did so far is joined to what they did.")}
<div class="actions">${call("Sign out", ["reset"], "Signed out: from now on you are somebody new.", false)}</div>
<ul class="actions">${customers.map(
    ({ id, username }) => html`<li>${call(username, ["identify", id], `Signed in as ${username}.`, false)}</li>`,
  )}</ul>
${recommended}`;
  return { title: "Sign in", body };
}

export function faultPage(status: number, title: string, text: string): Page {
  return { title, status, body: html`${heading(title, text)}<p><a class="button" href="/">All products</a></p>` };
}

/** What the script tells the snippet when the button is pressed, and then the visitor. */
function call(label: string, does: readonly unknown[], said: string, isOff: boolean): Html {
  const style = does[0] === "purchase" ? "primary" : "";
  return html`<button type="button" class="${style}" data-call="${JSON.stringify(does)}" data-says="${said}"${isOff ? html` disabled` : ""}>${label}</button>`;
}

/** @param inside what the script looks at again */
export function recommendations(inside: Html): Html {
  return html`<section aria-labelledby="recommended"><h2 id="recommended">For you</h2><div data-recommended>${inside}</div></section>`;
}

/** @param isRefused what visitors do: the script says so, too, where they do something */
export function forYou(answer: Recommendation, items: Items, isRefused: boolean): Html {
  const note = html`<p class="notice failed" data-refused>The collector wants an API key, which this shop does not have: the pipeline learns nothing of what you do.</p>`;
  return html`${isRefused ? note : ""}${recommendedList(answer, items)}`;
}

export function recommendedList(answer: Recommendation, items: Items): Html {
  if (answer === null)
    return empty("Nothing yet", "The pipeline does not answer yet: this page looks again by itself.");
  if (answer === "refused")
    return empty("Nothing to show", "The recommender wants an API key, which this shop does not have.");
  const known = answer.items.flatMap(({ item, reason }) => {
    const product = items.get(item);
    return product === undefined ? [] : [{ product, reason }];
  });
  if (known.length === 0) return empty("Nothing yet", "The pipeline knows no product of this shop yet.");
  return html`<ul class="grid">${known.map(({ product, reason }) => {
    const because = reason.because === undefined ? "" : items.get(reason.because)?.name;
    const why = because ? `Goes with ${because}` : sourceLabel(reason.type);
    return productCard(product, itemUrl(product.id), html`<span class="facts">${why}</span>`);
  })}</ul>`;
}
