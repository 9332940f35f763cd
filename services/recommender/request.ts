import { nearest } from "../config/index.ts";
import type { Problem, ProblemError } from "../http/index.ts";

/** What an endpoint was asked, checked. Ids are as the shop writes them. */
export interface RecommendationRequest {
  readonly subject:
    | { readonly endpoint: "users" | "neighbours"; readonly user: string }
    | { readonly endpoint: "similar"; readonly item: string }
    | { readonly endpoint: "session"; readonly items: readonly string[] }
    | { readonly endpoint: "popular" | "trending" };
  readonly limit: number;
  readonly exclude: readonly string[];
  readonly category: string | undefined;
  /** Of whom the list is for, as the shop says; empty: it does not say. */
  readonly device: Device | "";
  readonly country: string;
}

export type Device = (typeof DEVICES)[number];

export const DEVICES = ["mobile", "tablet", "desktop"] as const;

export type Endpoint = RecommendationRequest["subject"]["endpoint"];

/** A request as it came: the method, the path with its query, and the parsed JSON body of a POST. */
export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly body?: unknown;
}

export type ParsedRequest =
  | { readonly ok: true; readonly request: RecommendationRequest }
  /** `endpoint` as far as the address says it. */
  | { readonly ok: false; readonly endpoint: Endpoint | "unknown"; readonly problem: Problem };

/** All addresses of this part of the API begin so. */
export const BASE_PATH = "/v1/recommendations/";

/** Of each endpoint, without the ids. */
export const ROUTES: Readonly<Record<Endpoint, string>> = {
  users: `${BASE_PATH}users/{id}`,
  neighbours: `${BASE_PATH}users/{id}/neighbours`,
  similar: `${BASE_PATH}items/{id}/similar`,
  session: `${BASE_PATH}session`,
  popular: `${BASE_PATH}popular`,
  trending: `${BASE_PATH}trending`,
};

export const LIMITS = {
  limit: 100,
  defaultLimit: 10,
  idLength: 512,
  excluded: 1_000,
  sessionItems: 200,
  reportedErrors: 20,
  countryLength: 64,
} as const;

/** A character (UTF-16 code unit) is at most three bytes, a byte is `%` and two digits. */
const ENCODED_LENGTH = 9;

const PARAMETERS = ["limit", "exclude", "category", "device", "country"];
const NO_EXCLUSIONS: readonly string[] = [];

type Address =
  | { readonly endpoint: "users" | "neighbours" | "similar"; readonly id: string }
  | { readonly endpoint: "session" | "popular" | "trending" };

/** Reads a request; every fault of it is named at once. */
export function parseRequest({ method, url, body }: RawRequest): ParsedRequest {
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const address = parseAddress(path);
  if (address === undefined) return { ok: false, endpoint: "unknown", problem: unknownAddress(path) };
  const { endpoint } = address;
  const methods = endpoint === "session" ? ["POST"] : ["GET", "HEAD"];
  if (!methods.includes(method)) return { ok: false, endpoint, problem: wrongMethod(method, methods) };

  const errors: ProblemError[] = [];
  const query = mark < 0 ? undefined : new URLSearchParams(url.slice(mark + 1));
  const request: RecommendationRequest = {
    subject: parseSubject(address, body, errors),
    limit: query === undefined ? LIMITS.defaultLimit : parseLimit(query, errors),
    exclude: query === undefined ? NO_EXCLUSIONS : parseExclude(query, errors),
    category: query === undefined ? undefined : parseCategory(query, errors),
    device: query === undefined ? "" : parseDevice(query, errors),
    country: query === undefined ? "" : parseCountry(query, errors),
  };
  if (query !== undefined) refuseUnknown(query, errors);
  if (errors.length === 0) return { ok: true, request };
  const detail = errors.map((error) => error.detail).join(" ");
  return { ok: false, endpoint, problem: { type: "invalid-request", detail, errors } };
}

function parseAddress(path: string): Address | undefined {
  if (!path.startsWith(BASE_PATH)) return undefined;
  const [collection, id, relation, ...rest] = path.slice(BASE_PATH.length).split("/");
  if (id === undefined) {
    if (collection === "session" || collection === "popular" || collection === "trending") {
      return { endpoint: collection };
    }
  } else if (id !== "" && rest.length === 0) {
    if (collection === "users" && relation === undefined) return { endpoint: "users", id };
    if (collection === "users" && relation === "neighbours") return { endpoint: "neighbours", id };
    if (collection === "items" && relation === "similar") return { endpoint: "similar", id };
  }
  return undefined;
}

function parseSubject(address: Address, body: unknown, errors: ProblemError[]): RecommendationRequest["subject"] {
  switch (address.endpoint) {
    case "users":
    case "neighbours":
      return { endpoint: address.endpoint, user: parseId("id", address.id, errors) };
    case "similar":
      return { endpoint: "similar", item: parseId("id", address.id, errors) };
    case "session":
      return { endpoint: "session", items: parseVisit(body, errors) };
    default:
      return { endpoint: address.endpoint };
  }
}

function parseId(parameter: string, encoded: string, errors: ProblemError[]): string {
  if (encoded.length > LIMITS.idLength * ENCODED_LENGTH) {
    errors.push({ parameter, detail: `The ${parameter} may have at most ${LIMITS.idLength} characters.` });
    return "";
  }
  if (!encoded.includes("%")) return checkedId(parameter, encoded, errors);
  try {
    return checkedId(parameter, decodeURIComponent(encoded), errors);
  } catch {
    errors.push({
      parameter,
      detail: `The ${parameter} in the path is not percent-encoded UTF-8: write "%" itself as "%25".`,
    });
    return "";
  }
}

function checkedId(parameter: string, id: string, errors: ProblemError[]): string {
  if (id.length > LIMITS.idLength) {
    errors.push({ parameter, detail: `The ${parameter} may have at most ${LIMITS.idLength} characters.` });
  }
  return id;
}

function parseVisit(body: unknown, errors: ProblemError[]): readonly string[] {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    errors.push({
      pointer: "#",
      detail: 'The body must be an object like {"items": ["a", "b"]}, the newest item last.',
    });
    return [];
  }
  for (const name of Object.keys(body)) {
    if (name === "items" || errors.length >= LIMITS.reportedErrors) continue;
    const meant = nearest(name, ["items"]);
    const hint = meant === undefined ? "the only one is items." : `did you mean ${meant}?`;
    const found = JSON.stringify(name.slice(0, 50));
    errors.push({ pointer: `#/${pointerToken(name)}`, detail: `There is no field ${found}: ${hint}` });
  }
  const items: unknown = "items" in body ? body.items : undefined;
  if (!Array.isArray(items) || items.length > LIMITS.sessionItems) {
    errors.push({
      pointer: "#/items",
      detail: `items must be a list of at most ${LIMITS.sessionItems} item ids, the newest last.`,
    });
    return [];
  }
  items.forEach((item: unknown, at) => {
    if (typeof item === "string" && item !== "" && item.length <= LIMITS.idLength) return;
    if (errors.length >= LIMITS.reportedErrors) return;
    errors.push({
      pointer: `#/items/${at}`,
      detail: `Item ${at} of items must be an item id: text of 1 to ${LIMITS.idLength} characters.`,
    });
  });
  return items as readonly string[];
}

function pointerToken(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}

function parseLimit(query: URLSearchParams, errors: ProblemError[]): number {
  const text = only(query, "limit", errors);
  if (text === undefined) return LIMITS.defaultLimit;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= LIMITS.limit) return limit;
  errors.push({
    parameter: "limit",
    detail: `limit must be a whole number from 1 to ${LIMITS.limit} (found ${JSON.stringify(text.slice(0, 50))}).`,
  });
  return LIMITS.defaultLimit;
}

function parseExclude(query: URLSearchParams, errors: ProblemError[]): readonly string[] {
  const texts = query.getAll("exclude");
  const ids = texts.flatMap((text) => text.split(","));
  if (ids.length > LIMITS.excluded) {
    errors.push({
      parameter: "exclude",
      detail: `exclude may name at most ${LIMITS.excluded} items (found ${ids.length}).`,
    });
  }
  // A comma may also be part of an id.
  return [...ids, ...texts.filter((text) => text.includes(","))];
}

function parseCategory(query: URLSearchParams, errors: ProblemError[]): string | undefined {
  const category = only(query, "category", errors);
  if (category !== "") return category;
  errors.push({ parameter: "category", detail: "category must name a category, or be left out." });
  return undefined;
}

function parseDevice(query: URLSearchParams, errors: ProblemError[]): Device | "" {
  const text = only(query, "device", errors);
  if (text === undefined) return "";
  const device = DEVICES.find((name) => name === text);
  if (device !== undefined) return device;
  errors.push({ parameter: "device", detail: `device must be one of ${DEVICES.join(", ")}, or be left out.` });
  return "";
}

function parseCountry(query: URLSearchParams, errors: ProblemError[]): string {
  const country = only(query, "country", errors);
  if (country === undefined) return "";
  if (country !== "" && country.length <= LIMITS.countryLength) return country;
  errors.push({
    parameter: "country",
    detail: `country must be as the activity names it, of at most ${LIMITS.countryLength} characters, or be left out.`,
  });
  return "";
}

function only(query: URLSearchParams, parameter: string, errors: ProblemError[]): string | undefined {
  const [first, ...others] = query.getAll(parameter);
  if (others.length > 0) errors.push({ parameter, detail: `${parameter} may be given once.` });
  return first;
}

function refuseUnknown(query: URLSearchParams, errors: ProblemError[]): void {
  for (const parameter of new Set(query.keys())) {
    if (PARAMETERS.includes(parameter) || errors.length >= LIMITS.reportedErrors) continue;
    const meant = nearest(parameter, PARAMETERS);
    const hint = meant === undefined ? `known are ${PARAMETERS.join(", ")}.` : `did you mean ${meant}?`;
    errors.push({ parameter, detail: `There is no parameter ${JSON.stringify(parameter.slice(0, 50))}: ${hint}` });
  }
}

function unknownAddress(path: string): Problem {
  return {
    type: "not-found",
    detail: `There is nothing at ${path.slice(0, 200)}; GET /openapi.json lists the addresses of recommendations.`,
  };
}

function wrongMethod(method: string, methods: readonly string[]): Problem {
  return {
    type: "method-not-allowed",
    detail: `${method} is not allowed here: use ${methods.join(" or ")}.`,
    headers: { Allow: methods.join(", ") },
  };
}
