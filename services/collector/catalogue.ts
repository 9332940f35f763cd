import { type Response, Router } from "express";
import { ITEM_FIELDS, shown } from "../activity/index.ts";
import { methodNotAllowed, problem, Refusal } from "../http/index.ts";
import { checkEntries, type Entries, pointerError } from "./entries.ts";
import type { Intake } from "./intake.ts";
import type { CollectorOptions } from "./options.ts";
import { asItIs, isObject, isPresent, type Reading } from "./own-record.ts";

const JSON_TYPE = ["application/json"];
const ITEM_RULES = { endpoint: "items", scope: "Catalogue", types: JSON_TYPE } as const;
const USER_RULES = { endpoint: "users", scope: "Catalogue", types: JSON_TYPE } as const;

const FLAT_FIELDS: ReadonlySet<string> = new Set([...ITEM_FIELDS, "updatedAt"]);
/** Of the names that an answer says were ignored. */
const MOST_NAMED = 20;

/**
 * Items and users as the shop's own systems know them. Each request gives the whole state: what it does not say is unset.
 * Pages of other origins are kept out: there is no CORS here, and the body's type is one that a browser asks leave for.
 */
export function catalogueRouter(options: CollectorOptions, intake: Intake): Router {
  const { limits } = intake;
  const attributes: ReadonlySet<string> = new Set(options.attributes.map(({ name }) => name));
  const check = (bodies: readonly unknown[], read: (body: unknown, now: number) => Reading): Entries => {
    const now = options.now();
    return checkEntries(bodies, (body) => read(body, now), options, limits, now);
  };
  const router = Router();
  router
    .route("/v1/items")
    .post(async (request, response) => {
      const ignored = new Set<string>();
      const { entries, base } = await intake.run(request, response, ITEM_RULES, (body) => {
        const list = itemsIn(body, limits.batchEntries);
        const read = (item: unknown, now: number) => readItem(item, attributes, ignored, now);
        return { entries: check(list.items, read), base: list.base };
      });
      answerMany(response, entries, base, ignored);
    })
    .all(methodNotAllowed(["POST"]));
  router
    .route("/v1/items/:id")
    .put(async (request, response) => {
      const { id } = request.params;
      const ignored = new Set<string>();
      const { entries } = await intake.run(request, response, ITEM_RULES, (body) => {
        const item = withId(body, "itemId", id);
        return { entries: check([item], (fields, now) => readItem(fields, attributes, ignored, now)) };
      });
      answerOne(response, entries, { itemId: id, ...namesOf(ignored) });
    })
    .delete(async (request, response) => {
      const { id } = request.params;
      const { entries } = await intake.run(request, response, { ...ITEM_RULES, types: null }, () => ({
        entries: check([{ itemId: id, deleted: true }], (fields, updatedAt) =>
          entity(id, { ...(fields as object), kind: "item", updatedAt }),
        ),
      }));
      answerOne(response, entries, { itemId: id });
    })
    .all(methodNotAllowed(["PUT", "DELETE"]));
  router
    .route("/v1/users/:id")
    .put(async (request, response) => {
      const { id } = request.params;
      const { entries } = await intake.run(request, response, USER_RULES, (body) => ({
        entries: check([withId(body, "userId", id)], readUser),
      }));
      answerOne(response, entries, { userId: id });
    })
    .all(methodNotAllowed(["PUT"]));
  return router;
}

/** @param ignored takes the names of fields that no item of this shop has */
function readItem(body: unknown, attributes: ReadonlySet<string>, ignored: Set<string>, now: number): Reading {
  if (!isObject(body)) return notAnObject("item", body);
  const fields: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (FLAT_FIELDS.has(name)) fields[name] = value;
    else if (attributes.has(name)) values[name] = value;
    else if (ignored.size < MOST_NAMED) ignored.add(name);
  }
  const updatedAt = isPresent(fields.updatedAt) ? fields.updatedAt : now;
  return entity(String(fields.itemId), { ...fields, kind: "item", attributes: values, updatedAt });
}

/** Every field but the id and the time is an attribute. */
function readUser(body: unknown, now: number): Reading {
  if (!isObject(body)) return notAnObject("user", body);
  const { userId, updatedAt, ...attributes } = body;
  const time = isPresent(updatedAt) ? updatedAt : now;
  return entity(String(userId), { kind: "user", userId, attributes, updatedAt: time });
}

function entity(id: string, body: Readonly<Record<string, unknown>>): Reading {
  const placeOf = (path: string) => asItIs(path).replace(/^\/?attributes(?=[/.]|$)/, "");
  return { id, records: [{ to: "entities", body, placeOf }], faults: [] };
}

function notAnObject(what: string, body: unknown): Reading {
  const message = `the ${what} is ${shown(body)}, expected a JSON object`;
  return { id: "", records: [], faults: [{ reason: "not_an_object", path: "", message }] };
}

/** @throws Refusal when the body names another id than the address */
function withId(body: unknown, field: "itemId" | "userId", id: string): unknown {
  if (!isObject(body)) return body;
  const own = body[field];
  if (isPresent(own) && String(own) !== id) {
    const detail = `The body is of ${field} ${shown(own)}, the address of ${shown(id)}: leave it out of the body.`;
    throw new Refusal({ type: "invalid-request", detail, errors: [{ pointer: `/${field}`, detail }] });
  }
  return { ...body, [field]: id };
}

/** @throws Refusal for a body without a list, or one that is empty or too long */
function itemsIn(body: unknown, limit: number): { readonly items: readonly unknown[]; readonly base: string } {
  const isNamed = isObject(body) && Array.isArray(body.items);
  const items = isNamed ? body.items : body;
  if (Array.isArray(items) && items.length > 0 && items.length <= limit)
    return { items, base: isNamed ? "/items" : "" };
  const detail = `The body must be {"items": [...]}, or a list alone, with 1 to ${limit} items.`;
  throw new Refusal({ type: "invalid-request", detail });
}

function namesOf(ignored: ReadonlySet<string>): object {
  return ignored.size === 0 ? {} : { ignored: [...ignored] };
}

function answerOne(response: Response, { rejected: [fault] }: Entries, body: object): void {
  if (fault === undefined) response.json(body);
  else problem(response, { type: "invalid-request", detail: fault.message, errors: [pointerError("", fault)] });
}

function answerMany(
  response: Response,
  { accepted, rejected }: Entries,
  base: string,
  ignored: ReadonlySet<string>,
): void {
  if (accepted.length > 0) response.json({ accepted: accepted.length, rejected, ...namesOf(ignored) });
  else {
    problem(response, {
      type: "invalid-request",
      detail: "None of the items was accepted.",
      errors: rejected.map((fault) => pointerError(`${base}/${fault.index}`, fault)),
    });
  }
}
