/** `track` calls: the names of the e-commerce specification become ours, a list of products one event for each. */
import {
  EVENT_NAMES,
  ORDER_PROPERTY,
  type Rejection,
  SEGMENT_ORDER_REFUNDS,
  SEGMENT_PRODUCT_EVENTS,
  SEGMENT_PRODUCT_LISTS,
  shown,
} from "../../activity/index.ts";
import { isObject, isPresent, type OwnRecord, type Reading } from "../own-record.ts";
import { placeInMessage } from "./places.ts";

type Fields = Readonly<Record<string, unknown>>;

const REFUNDS = new Map(Object.entries(SEGMENT_ORDER_REFUNDS));
const OURS = new Map(Object.entries({ ...SEGMENT_PRODUCT_EVENTS, ...SEGMENT_PRODUCT_LISTS }));
const LISTS = new Map(Object.entries(SEGMENT_PRODUCT_LISTS));
const STANDARD_NAMES: ReadonlySet<unknown> = new Set(EVENT_NAMES);

/** What each line keeps of its order or list, beside its own fields. Sums stay away: each line would repeat them. */
const OF_THE_LIST = [ORDER_PROPERTY, "checkout_id", "affiliation", "coupon", "list_id"];

/** Whether it is a name of the e-commerce specification that becomes one of ours. */
export function isKnownName(name: unknown): boolean {
  return typeof name === "string" && OURS.has(name);
}

/** Of one order or list. */
const MAX_LINES = 1_000;

/** @param common what every event of this message has */
export function readTrack(message: Fields, common: Fields, id: string): Reading {
  const { event: name } = message;
  const properties = isObject(message.properties) ? message.properties : {};
  const { products } = properties;
  const ours = typeof name === "string" ? OURS.get(name) : undefined;
  if (Array.isArray(products) && products.length > 0 && !isPresent(itemIdOf(properties))) {
    return readLines(products, properties, { ...common, event: ours ?? name }, id);
  }
  const single = (event: unknown): Reading => readProduct(properties, { ...common, event }, id, null);
  if (ours === undefined) return single(name);
  if (isPresent(itemIdOf(properties))) return single(ours);
  const refund = REFUNDS.get(String(name));
  if (refund !== undefined) return readOrderRefund(String(name), properties, { ...common, event: refund }, id);
  // A list that says nothing of its products is worth keeping under its own name.
  if (LISTS.has(String(name))) return single(name);
  const message_ = `${name} concerns a product: send its properties.product_id (or properties.sku)`;
  return { id, records: [], faults: [missing("properties.product_id", message_)] };
}

function readLines(products: readonly unknown[], list: Fields, common: Fields, id: string): Reading {
  if (products.length > MAX_LINES) {
    const message = `properties.products is ${shown(products)}, expected at most ${MAX_LINES}: send the order in parts`;
    return { id, records: [], faults: [{ reason: "record_too_large", path: "properties.products", message }] };
  }
  const kept = Object.fromEntries(OF_THE_LIST.flatMap((name) => (isPresent(list[name]) ? [[name, list[name]]] : [])));
  const readings = products.map((product, line): Reading => {
    if (!isObject(product)) {
      const path = `properties.products.${line}`;
      const message = `${path} is ${shown(product)}, expected an object with product_id`;
      return { id, records: [], faults: [{ reason: "not_an_object", path, message }] };
    }
    const own = { ...kept, currency: list.currency, ...product };
    return readProduct(own, { ...common, eventId: `${id}#${line}` }, id, line);
  });
  return {
    id,
    records: readings.flatMap(({ records }) => records),
    faults: readings.flatMap(({ faults }) => faults),
  };
}

/** @param line in `properties.products`; `null`: the product stands in `properties` themselves */
function readProduct(product: Fields, common: Fields, id: string, line: number | null): Reading {
  const { product_id, sku, price, quantity, currency, products, ...others } = product;
  const itemId = itemIdOf(product);
  if (!STANDARD_NAMES.has(common.event)) {
    const properties = { ...others, price, quantity, currency, products, sku };
    return record({ ...common, itemId, properties: isPresent(product_id) ? properties : { ...properties, sku: null } });
  }
  if (!isPresent(itemId) && line !== null) {
    const path = `properties.products.${line}.product_id`;
    return { id, records: [], faults: [missing(path, `a product of an order or list needs ${path} (or sku)`)] };
  }
  const properties = isPresent(product_id) ? { ...others, sku } : others;
  return record({ ...common, itemId, price, quantity, currency, properties });

  function record(body: Fields): Reading {
    const event: OwnRecord = { to: "events", body, placeOf: (path) => placeInMessage(path, line) };
    return { id, records: [event], faults: [] };
  }
}

function readOrderRefund(name: string, properties: Fields, common: Fields, id: string): Reading {
  if (!isPresent(properties[ORDER_PROPERTY])) {
    const place = `properties.${ORDER_PROPERTY}`;
    const message = `${name} needs to say what is taken back: properties.products, or ${place} for the whole order`;
    return { id, records: [], faults: [missing(place, message)] };
  }
  const { products, price, quantity, currency, ...others } = properties;
  const body = { ...common, currency, properties: others };
  return { id, records: [{ to: "events", body, placeOf: (path) => placeInMessage(path, null) }], faults: [] };
}

function itemIdOf({ product_id, sku }: Fields): unknown {
  return isPresent(product_id) ? product_id : sku;
}

function missing(path: string, message: string): Rejection {
  return { reason: "field_missing", path, message };
}
