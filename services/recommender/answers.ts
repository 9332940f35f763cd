import type { Logger } from "pino";
import { type Answer, type Problem, problemAnswer } from "../http/index.ts";
import { bucketsOf } from "../scoring/index.ts";
import { activeSpan, inSpan } from "../telemetry/index.ts";
import type { Actors } from "./actors.ts";
import { AnswerCache } from "./answer-cache.ts";
import { answerBody } from "./body.ts";
import { type Interest, visitInterests } from "./history.ts";
import type { ItemIndex } from "./item-index.ts";
import type { RecentLatency } from "./latency.ts";
import type { RecommenderMetrics } from "./metrics.ts";
import type { HistoryModel, ServedModel } from "./model.ts";
import { type FillSource, type Question, recommend, type Shelf, type Source } from "./recommend.ts";
import { type Endpoint, parseRequest, type RawRequest, type RecommendationRequest, ROUTES } from "./request.ts";
import type { UserNeighbours } from "./user-neighbours.ts";

export interface AnswerContext {
  readonly items: ItemIndex;
  readonly actors: Actors;
  /** As it is at this moment. */
  readonly shelf: () => Shelf;
  /** Of answers kept for users who ask again before anything has changed; 0 keeps none. */
  readonly answerBytes: number;
  readonly metrics: Pick<RecommenderMetrics, "requests" | "answers" | "fallbacks">;
  readonly latency: Pick<RecentLatency, "record">;
  /** The users most like one; `null`: no model knows. */
  readonly neighbours: (user: string, limit: number) => Promise<UserNeighbours | null>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsed: () => number;
  readonly logger: Logger;
}

const HOUR = 3_600_000;
const NO_OPTIONS = {};
const NO_HISTORY: readonly Interest[] = [];
const NOTHING_EXCLUDED: ReadonlySet<number> = new Set();
const AFTER_SIMILAR: readonly FillSource[] = ["trending", "popular", "latest"];
const POPULAR_FIRST: readonly FillSource[] = ["popular", "trending", "latest"];

/** An actor's list changes with the next click; what is the same for all may be kept by a cache for some seconds. */
const PERSONAL_HEADERS = { "Content-Type": "application/json", "Cache-Control": "private, no-cache" };
const SHARED_HEADERS = { "Content-Type": "application/json", "Cache-Control": "public, max-age=10" };

const NO_NEIGHBOURS: Problem = {
  type: "not-found",
  detail: "No model of similar users is published: name userNeighbours in training.algorithms.",
};

const FAILED: Problem = { type: "internal-error", detail: "The service failed on this request; its log says why." };

/** The sources that an endpoint is for; anything else is a fall-back. */
const SOURCES_OF: Readonly<Record<Endpoint, readonly Source[]>> = {
  users: ["personal", "similar", "session"],
  neighbours: [],
  similar: ["similar"],
  session: ["session", "similar"],
  popular: ["popular"],
  trending: ["trending"],
};

/**
 * Answers every request below `/v1/recommendations/` from what is in memory, whatever carries it. At once, unless the
 * history of a user has to be read first, or similar users are asked for. Never rejects.
 */
export function recommendationAnswers(context: AnswerContext): (raw: RawRequest) => Answer | Promise<Answer> {
  const { metrics, latency, elapsed, logger } = context;
  const cache = context.answerBytes > 0 ? new AnswerCache(context.answerBytes) : undefined;
  const durations = new Map<string, { observe(seconds: number): void }>();
  const measured = (endpoint: string, begun: number, answer: Answer): Answer => {
    const key = `${endpoint} ${answer.status}`;
    let duration = durations.get(key);
    if (duration === undefined) {
      duration = metrics.requests.labels({ endpoint, status: String(answer.status) });
      durations.set(key, duration);
    }
    const milliseconds = elapsed() - begun;
    duration.observe(milliseconds / 1_000);
    latency.record(milliseconds);
    return answer;
  };
  return (raw) => {
    const begun = elapsed();
    const parsed = parseRequest(raw);
    if (!parsed.ok) return measured(parsed.endpoint, begun, problemAnswer(parsed.problem));
    const { request } = parsed;
    nameRequest(raw, request.subject.endpoint);
    const finish = (history: readonly Interest[]) => {
      try {
        return measured(request.subject.endpoint, begun, answerFrom(context, cache, raw.url, request, history));
      } catch (cause) {
        logger.error({ err: cause, url: raw.url }, "a request failed");
        return measured(request.subject.endpoint, begun, problemAnswer(FAILED));
      }
    };
    if (request.subject.endpoint === "neighbours") {
      return neighboursAnswer(context, request.subject.user, request.limit)
        .catch((cause: unknown) => {
          logger.error({ err: cause, url: raw.url }, "a request failed");
          return problemAnswer(FAILED);
        })
        .then((answer) => measured("neighbours", begun, answer));
    }
    const history = stateOf(context, request);
    return history instanceof Promise ? history.then(finish) : finish(history);
  };
}

/** A span of the request is named by its route: its address may hold a user's id. */
function nameRequest({ method }: RawRequest, endpoint: Endpoint): void {
  const span = activeSpan();
  if (!span.isRecording()) return;
  span.updateName(`${method} ${ROUTES[endpoint]}`);
  span.setAttribute("http.route", ROUTES[endpoint]);
}

async function neighboursAnswer({ neighbours }: AnswerContext, user: string, limit: number): Promise<Answer> {
  const found = await neighbours(user, limit);
  if (found === null) return problemAnswer(NO_NEIGHBOURS);
  return { status: 200, headers: PERSONAL_HEADERS, body: JSON.stringify({ user, ...found }) };
}

/** In a span of its own where it has to be read: a look into memory takes less than the span would. */
function stateOf(context: AnswerContext, request: RecommendationRequest): ReturnType<typeof historyOf> {
  const { subject } = request;
  const isRead = activeSpan().isRecording() && subject.endpoint === "users" && !context.actors.isAtHand(subject.user);
  return isRead ? inSpan("state", NO_OPTIONS, () => historyOf(context, request)) : historyOf(context, request);
}

function historyOf(
  { items, actors }: AnswerContext,
  { subject }: RecommendationRequest,
): readonly Interest[] | Promise<readonly Interest[]> {
  switch (subject.endpoint) {
    case "users":
      return actors.interests(subject.user);
    case "similar":
      return visitInterests(numbersOf(items, [subject.item]));
    case "session":
      return visitInterests(numbersOf(items, subject.items));
    default:
      return NO_HISTORY;
  }
}

function answerFrom(
  context: AnswerContext,
  cache: AnswerCache | undefined,
  url: string,
  request: RecommendationRequest,
  history: readonly Interest[],
): Answer {
  const { items, metrics } = context;
  const { subject, limit } = request;
  const { endpoint } = subject;
  const shelf = context.shelf();
  const at = context.now();
  // Some models answer by the hour of the day.
  const asked = `${Math.floor(at / HOUR)} ${url}`;
  const known = cache?.get(history, asked, shelf);
  if (known !== undefined) {
    activeSpan().setAttribute("productmatcher.answer.kept", true);
    metrics.answers.inc({ endpoint, source: known.source });
    return known.answer;
  }
  const question: Question = {
    history,
    models: modelsFor(endpoint, shelf.model),
    buckets: bucketsOf({ at, device: request.device, country: request.country }),
    fill: endpoint === "popular" || (endpoint === "users" && history.length === 0) ? POPULAR_FIRST : AFTER_SIMILAR,
    limit,
    excluded: excludedBy(items, request),
    category: request.category === undefined ? undefined : (shelf.catalogue.category(request.category) ?? null),
  };
  const list = inSpan("ranking", NO_OPTIONS, (span) => {
    const found = recommend(shelf, question);
    span.setAttribute("productmatcher.items", found.length);
    span.setAttribute("productmatcher.source", found[0]?.source ?? "none");
    return found;
  });
  metrics.answers.inc({ endpoint, source: list[0]?.source ?? "none" });
  const expected = SOURCES_OF[endpoint];
  const fallback = list.some(({ source }) => expected.includes(source)) ? undefined : list[0]?.source;
  if (fallback !== undefined) metrics.fallbacks.inc({ endpoint, source: fallback });
  const answer = {
    status: 200,
    headers: endpoint === "users" || endpoint === "session" ? PERSONAL_HEADERS : SHARED_HEADERS,
    body: answerBody(items, shelf, list, { subject: subjectJson(subject), fallback }),
  };
  // A list that reached the latest items depends on what others do, too.
  const ownAlone = list.length === limit && list.at(-1)?.source !== "latest";
  const [first] = list;
  if (endpoint === "users" && fallback === undefined && ownAlone && first !== undefined) {
    cache?.put(history, asked, shelf, answer, first.source);
  }
  return answer;
}

/** Whom an endpoint asks, in this order. Content knows of items that nobody has touched. */
function modelsFor(endpoint: Endpoint, model: ServedModel): readonly (HistoryModel | null)[] {
  if (endpoint === "session") return [model.sessionNeighbours, model.itemNeighbours, model.content];
  if (endpoint === "similar") return [model.itemNeighbours, model.content];
  return [model.champion, model.content];
}

function excludedBy(items: ItemIndex, { subject, exclude }: RecommendationRequest): ReadonlySet<number> {
  const itself = subject.endpoint === "similar" ? [subject.item] : [];
  if (itself.length + exclude.length === 0) return NOTHING_EXCLUDED;
  return new Set(numbersOf(items, [...itself, ...exclude]));
}

function numbersOf(items: ItemIndex, ids: readonly string[]): number[] {
  return ids.map((id) => items.find(id)).filter((number) => number !== undefined);
}

function subjectJson(subject: RecommendationRequest["subject"]): string {
  if (subject.endpoint === "users") return `"user":${JSON.stringify(subject.user)}`;
  if (subject.endpoint === "similar") return `"item":${JSON.stringify(subject.item)}`;
  return "";
}
