import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Response, Router } from "express";
import type { Logger } from "pino";
import { z } from "zod";
import { assetsRouter } from "../console/assets.ts";
import type { Answered } from "../console/explanation.ts";
import { secure } from "../console/frame.ts";
import type { SqlClient } from "../postgres/index.ts";
import { activityRouter } from "./activity.ts";
import {
  accountPage,
  faultPage,
  itemPage,
  layout,
  type Page,
  recommendations,
  recommendedList,
  shelfPage,
} from "./pages.ts";
import { recommenderAt } from "./recommender.ts";
import { stockOf } from "./stock.ts";

export interface ShopOptions {
  /** With the shop's tables, filled. */
  readonly postgres: SqlClient;
  /** Addresses, `http://host:port`. */
  readonly collector: string;
  readonly recommender: string;
  readonly logger: Logger;
}

const CLIENT = fileURLToPath(new URL("./client/", import.meta.url));
const ITEMS = 24;
const RECOMMENDED = 8;
const CUSTOMERS = 24;

/** What nobody would write by hand is read as far as it makes sense. */
const word = z.string().trim().max(200).catch("");
const shelfQuery = z.object({ q: word, category: word, page: z.coerce.number().int().min(1).max(10_000).catch(1) });
const visitorQuery = z.object({ user: word });

/** The storefront: a catalogue, a page for each item, and what is recommended, from a pipeline that learns by the clicks. */
export function shopRouter({ postgres, collector, recommender: address, logger }: ShopOptions): Router {
  const stock = stockOf(postgres);
  const recommender = recommenderAt(address, logger);
  const router = Router();
  const itemsOf = (answer: Answered | null) =>
    stock.items((answer?.items ?? []).flatMap(({ item, reason }) => [item, reason.because ?? item]));

  router.get("/healthz", (_request, response) => void response.type("text").send("ok\n"));
  router.use(assetsRouter(), activityRouter(collector, logger));
  // The folder of an installation may begin with a dot.
  router.use("/assets", express.static(CLIENT, { index: false, dotfiles: "allow", extensions: [] }));

  router.get("/", async (request, response) => {
    const { q, category, page } = shelfQuery.parse(request.query);
    const popular = await recommender.popular(RECOMMENDED);
    const { items, total } = await stock.search({ text: q, category, limit: ITEMS, offset: (page - 1) * ITEMS });
    const recommended = recommendations(popular, await itemsOf(popular));
    const categories = await stock.categories();
    const pages = Math.ceil(total / ITEMS);
    send(response, shelfPage({ text: q, category, categories, items, total, page, pages, recommended }));
  });

  router.get("/items/:id", async (request, response) => {
    const { id } = request.params;
    const item = (await stock.items([id])).get(id);
    if (item === undefined) return send(response, faultPage(404, "Not for sale", `The shop has no product ${id}.`));
    const [similar, popular] = await Promise.all([
      recommender.similar(id, RECOMMENDED),
      recommender.popular(RECOMMENDED),
    ]);
    const alike = recommendedList(similar, await itemsOf(similar));
    send(response, itemPage(item, alike, recommendations(popular, await itemsOf(popular))));
  });

  router.get("/account", async (_request, response) => send(response, accountPage(await stock.customers(CUSTOMERS))));

  /** The inside of what is recommended, for somebody as the recommender knows them: `anonymous:<id>` before a sign-in. */
  router.get("/recommended", async (request, response) => {
    const { user } = visitorQuery.parse(request.query);
    const answer = await (user === "" ? recommender.popular(RECOMMENDED) : recommender.forUser(user, RECOMMENDED));
    secure(response);
    response.type("html").send(recommendedList(answer, await itemsOf(answer)).toString());
  });

  router.use((_request, response) =>
    send(response, faultPage(404, "There is nothing at this address", "The shop has no such page.")),
  );
  const failed: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof Error && "status" in error && typeof error.status === "number" && error.status < 500) {
      return send(response, faultPage(error.status, "The request is not valid", error.message));
    }
    logger.error({ err: error, path: request.path }, "a page of the shop failed");
    send(response, faultPage(503, "The shop is closed for a moment", "Its database does not answer: try again."));
  };
  router.use(failed);
  return router;
}

function send(response: Response, page: Page): void {
  secure(response);
  response
    .status(page.status ?? 200)
    .type("html")
    .send(layout(page).toString());
}
