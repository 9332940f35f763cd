import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Response, Router } from "express";
import type { Logger } from "pino";
import { z } from "zod";
import { assetsRouter } from "../console/assets.ts";
import { secure } from "../console/frame.ts";
import { idOf } from "../console/segment.ts";
import type { SqlClient } from "../postgres/index.ts";
import { activityOf } from "./activity.ts";
import {
  accountPage,
  faultPage,
  forYou,
  itemPage,
  layout,
  type Page,
  recommendations,
  recommendedList,
  shelfPage,
} from "./pages.ts";
import { type Recommendation, recommenderAt } from "./recommender.ts";
import { stockOf } from "./stock.ts";

export interface ShopOptions {
  /** With the shop's tables. */
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

/** What nobody would write by hand is read as far as it makes sense; a text of Postgres holds no NUL. */
const word = z
  .string()
  .transform((written) => written.replaceAll("\0", "").trim())
  .pipe(z.string().max(200))
  .catch("");
const shelfQuery = z.object({ q: word, category: word, page: z.coerce.number().int().min(1).max(10_000).catch(1) });
const visitorQuery = z.object({ user: word });

/** The storefront: a catalogue, a page for each item, and what is recommended, from a pipeline that learns by the clicks. */
export function shopRouter({ postgres, collector, recommender: address, logger }: ShopOptions): Router {
  const stock = stockOf(postgres);
  const recommender = recommenderAt(address, logger);
  const activity = activityOf(collector, logger);
  const router = Router();
  const itemsOf = (answer: Recommendation) =>
    answer === null || answer === "refused"
      ? stock.items([])
      : stock.items(answer.items.flatMap(({ item, reason }) => [item, reason.because ?? item]));
  const inside = async (answer: Recommendation) => forYou(answer, await itemsOf(answer), activity.isRefused());
  /** What the page begins with: it does not know who looks at it. */
  const recommended = async () => recommendations(await inside(await recommender.popular(RECOMMENDED)));

  router.get("/healthz", (_request, response) => void response.type("text").send("ok\n"));
  router.use(assetsRouter(), activity.router);
  // The folder of an installation may begin with a dot.
  router.use("/assets", express.static(CLIENT, { index: false, dotfiles: "allow", extensions: [] }));

  router.get("/", async (request, response) => {
    const { q, category, page } = shelfQuery.parse(request.query);
    const { items, total } = await stock.search({ text: q, category, limit: ITEMS, offset: (page - 1) * ITEMS });
    const categories = await stock.categories();
    const shelf = { text: q, category, categories, items, total, page, pages: Math.ceil(total / ITEMS) };
    send(response, shelfPage({ ...shelf, recommended: await recommended() }));
  });

  router.get("/items/:id", async (request, response) => {
    const id = idOf(request.params.id);
    const item = (await stock.items([id])).get(id);
    if (item === undefined) return send(response, faultPage(404, "Not for sale", `The shop has no product ${id}.`));
    const similar = async () => {
      const answer = await recommender.similar(id, RECOMMENDED);
      return recommendedList(answer, await itemsOf(answer));
    };
    send(response, itemPage(item, ...(await Promise.all([similar(), recommended()]))));
  });

  router.get("/account", async (_request, response) => {
    const customers = await stock.customers(CUSTOMERS);
    send(response, accountPage(customers, await recommended()));
  });

  /** The inside of what is recommended, for somebody as the recommender knows them: `anonymous:<id>` before a sign-in. */
  router.get("/recommended", async (request, response) => {
    const { user } = visitorQuery.parse(request.query);
    const answer = await (user === "" ? recommender.popular(RECOMMENDED) : recommender.forUser(user, RECOMMENDED));
    secure(response);
    response.type("html").send((await inside(answer)).toString());
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
