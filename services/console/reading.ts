/** The pages, each from what it shows at this moment. */
import { type Request, type Response, Router } from "express";
import { z } from "zod";
import { localPath } from "./access.ts";
import { problemText, readAnswer } from "./explanation.ts";
import { frameOf, secure, sendPage } from "./frame.ts";
import { within } from "./kept.ts";
import { leaderboard, quality, trained } from "./leaderboard.ts";
import { readable } from "./letters.ts";
import { type Measuring, WAIT_MILLISECONDS } from "./measuring.ts";
import { cataloguePage, itemPage } from "./pages/catalogue.ts";
import { deadLetterPage, deadLettersPage, type LetterDetail } from "./pages/dead-letters.ts";
import type { Frame, Page } from "./pages/layout.ts";
import { modelPage, modelsPage } from "./pages/models.ts";
import { overviewPage } from "./pages/overview.ts";
import { faultPage, signInPage } from "./pages/sign-in.ts";
import { userPage, usersPage } from "./pages/users.ts";
import { partsOf, type StoreState } from "./parts.ts";
import type { ConsolePorts } from "./ports.ts";
import { PRESENT_SECONDS, summary } from "./samples.ts";
import { idOf } from "./segment.ts";
import type { Shop } from "./shop.ts";

export interface Readings {
  readonly ports: ConsolePorts;
  readonly shop: Shop;
  readonly measuring: Measuring;
  readonly store: () => Promise<StoreState>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const VERSIONS = 25;
const LETTERS = 25;
const ITEMS = 24;
const PEOPLE = 24;
const CATEGORIES = 200;
const RECOMMENDED = 12;
const SIMILAR = 10;
/** Of a user's history, that have a name on the page. */
const NAMED = 60;

/** A query that nobody would write by hand is read as far as it makes sense. */
const word = z.string().max(500).catch("");
const pageNumber = z.coerce.number().int().min(1).max(10_000).catch(1);
const lettersQuery = z.object({
  topic: word,
  reason: word,
  resolved: z.literal("true").optional().catch(undefined),
  page: pageNumber,
});
const modelsQuery = z.object({ sort: word, page: pageNumber });
const catalogueQuery = z.object({ q: word, category: word, page: pageNumber });

export function readingRouter({ ports, shop, measuring, store, now }: Readings): Router {
  const { recommender, models, deadLetters } = ports;
  const router = Router();
  const page = (path: string, show: (request: Request, frame: Frame) => Promise<Page> | Page) =>
    router.get(path, async (request, response) => {
      const frame = frameOf(request, ports, now());
      sendPage(response, await show(request, frame), frame);
    });

  page("/console/sign-in", (request, frame) => signInPage(localPath(request.query.to), null, frame));

  router.use("/console", (request, response, next) => {
    const frame = frameOf(request, ports, now());
    if (frame.rights.maySee || request.method === "POST") return next();
    const shown = signInPage(localPath(request.originalUrl), null, frame);
    sendPage(response, { ...shown, status: frame.rights.hasKeys ? 401 : 403 }, frame);
  });

  page("/console", async (_request, frame) => {
    // The page is for the time when something is broken: it waits for nothing that may be.
    const known = within(models.registry().then(trained), WAIT_MILLISECONDS, undefined).catch(() => undefined);
    const [state, stored, training] = await Promise.all([ports.state(), store(), known]);
    const samples = measuring.samples();
    const parts = partsOf({ state, store: stored, trained: training, samples, now: frame.now });
    const openDeadLetters = "error" in stored ? null : stored.openDeadLetters;
    const { recommender } = state;
    return overviewPage(
      { parts, now: summary(samples, PRESENT_SECONDS), samples, openDeadLetters, recommender },
      frame,
    );
  });
  router.get("/console/live.json", (_request, response) => {
    secure(response);
    response.json({ samples: measuring.samples() });
  });

  page("/console/models", async (request, frame) => {
    const registry = await models.registry();
    const { sort, page } = modelsQuery.parse(request.query);
    const pinned = models.pinned();
    const { rows, ...board } = leaderboard(registry, sort, pinned);
    const shown = { ...board, rows: rows.slice((page - 1) * VERSIONS, page * VERSIONS) };
    const pages = Math.ceil(rows.length / VERSIONS);
    return modelsPage({ registry, board: shown, page, pages, quality: quality(registry), pinned }, frame);
  });
  page("/console/models/:version", async (request, frame) => {
    const [name, registry] = [String(request.params.version), await models.registry()];
    const isListed = registry.versions.some(({ version }) => version === name);
    const older = isListed ? undefined : await models.version(name);
    const versions = older === undefined ? registry.versions : [...registry.versions, older];
    const { rows } = leaderboard({ ...registry, versions }, "", models.pinned());
    const row = rows.find(({ version }) => version.version === name);
    if (row === undefined) return missing(`There is no version ${name}.`, frame);
    return modelPage(
      { version: row.version, row, champion: rows.find(({ isChampion }) => isChampion)?.version },
      frame,
    );
  });

  page("/console/dead-letters", async (request, frame) => {
    const { topic, reason, resolved, page } = lettersQuery.parse(request.query);
    const filter = { topic, reason, resolved: resolved !== undefined };
    const counts = await deadLetters.counts();
    const matching = counts
      .filter((group) => (topic === "" || group.topic === topic) && (reason === "" || group.reason === reason))
      .reduce((sum, group) => sum + group.open + (filter.resolved ? group.resolved : 0), 0);
    const asked = { includeResolved: filter.resolved, ...(topic && { topic }), ...(reason && { reason }) };
    const letters = await deadLetters.list(asked, { limit: LETTERS, offset: (page - 1) * LETTERS });
    return deadLettersPage({ counts, letters, matching, filter, page, pages: Math.ceil(matching / LETTERS) }, frame);
  });
  router.get("/console/dead-letters/:id", async (request, response) =>
    showLetter(ports, idOf(request.params.id), null, response, frameOf(request, ports, now())),
  );

  page("/console/users", async (request, frame) => {
    const text = word.parse(request.query.q).trim();
    return usersPage({ text, people: await shop.people(text, PEOPLE) }, frame);
  });
  page("/console/users/:id", async (request, frame) => {
    const id = idOf(String(request.params.id));
    const { status, body } = await recommender.answer(`users/${encodeURIComponent(id)}?limit=${RECOMMENDED}`);
    if (status >= 400 && status < 500) return faultPage(status, "Nobody can have this id", problemText(body), frame);
    const answer = readAnswer(body);
    const { history, interests } = await recommender.user(id);
    const because = answer.items.flatMap(({ item, reason }) => [item, reason.because ?? item]);
    const [items, person] = [
      await shop.items([
        ...because,
        ...history.slice(0, NAMED).map(({ item }) => item),
        ...interests.map(({ item }) => item),
      ]),
      await shop.person(id),
    ];
    return userPage({ id, person, history, interests, answer, items, mayPretend: ports.act !== null }, frame);
  });

  page("/console/catalogue", async (request) => {
    const { q, category, page } = catalogueQuery.parse(request.query);
    const text = q.trim();
    const categories = await shop.categories(CATEGORIES);
    const { items, total } = await shop.search({ text, category, limit: ITEMS, offset: (page - 1) * ITEMS });
    return cataloguePage({ text, category, categories, items, total, page, pages: Math.ceil(total / ITEMS) });
  });
  page("/console/catalogue/:id", async (request) => {
    const id = idOf(String(request.params.id));
    const { behaviour, content } = recommender.similar(id, SIMILAR);
    const near = [...(behaviour?.items ?? []), ...(content?.items ?? [])].map(({ item }) => item);
    const items = await shop.items([id, ...near]);
    // Counting walks over all events: of a very large shop it may take longer than a page should.
    const activity = await shop.activity(id).catch(() => null);
    return itemPage({ id, item: items.get(id), activity, behaviour, content, items });
  });
  return router;
}

/** One dead letter, with what could not be sent of it. */
export async function showLetter(
  { deadLetters }: Pick<ConsolePorts, "deadLetters">,
  id: string,
  rejected: LetterDetail["rejected"],
  response: Response,
  frame: Frame,
): Promise<void> {
  const letter = await deadLetters.show(id);
  if (letter === undefined) {
    return sendPage(response, missing(`There is no dead letter with the id ${id}.`, frame), frame);
  }
  const value = Buffer.from(letter.valueBase64, "base64");
  sendPage(response, deadLetterPage({ letter, value, readable: readable(value), rejected }, frame), frame);
}

export function missing(text: string, frame: Frame): Page {
  return faultPage(404, "There is nothing at this address", text, frame);
}
