/**
 * What a shop's page loads: sends what visitors do, in Segment's messages. `generate.ts` makes of it what the collector
 * serves; the page is in docs/collect.md.
 *
 * Each message is kept in localStorage under a key of its own, so that tabs do not disturb each other, until the
 * collector has confirmed it. While a page lives it sends with `fetch`, which tells the answer; as it goes it sends
 * whatever is unconfirmed as a beacon, which outlives the page but tells nothing: the next page sends it again, and the
 * message's id makes the repeat count once.
 */
type Fields = Readonly<Record<string, unknown>>;
type Call = readonly [name: keyof typeof calls, ...parameters: unknown[]];

declare global {
  interface Window {
    /** Before the snippet has loaded: calls that wait for it. */
    productmatcher?: unknown;
  }
}

/** Of one request, in characters of messages. */
const MOST_SENT = 2e4;
/** Of a whole request: a browser refuses to let more than 64 KiB outlive the page, and a character may have three bytes. */
const MOST_OUTLIVING = 2.1e4;
const FIRST_RETRY = 1e3;
const LAST_RETRY = 6e4;
const VISITOR = "pm.visitor";
const USER = "pm.user";
const MESSAGE = "pm:";

const script = document.currentScript as HTMLScriptElement;
const { key, url, page } = script.dataset;
const target = url || new URL("batch", script.src).href;

/** Where a browser gives no storage, or it is full: as long as the page lives. */
const memory: Record<string, string> = {};
let store = memory;
try {
  store = localStorage || memory;
} catch {}

const put = (name: string, value: string) => {
  try {
    store[name] = value;
  } catch {
    memory[name] = value;
  }
};
const get = (name: string) => store[name] || memory[name];
const drop = (name: string) => {
  delete store[name];
  delete memory[name];
};
const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Names of the oldest messages that fit into a request. */
const unsent = () => {
  let size = 0;
  return Object.keys({ ...store, ...memory })
    .filter((name) => name.startsWith(MESSAGE))
    .sort()
    .filter((name, at) => {
      size += get(name)?.length ?? 0;
      return size < MOST_SENT || !at;
    });
};
const bodyOf = (names: readonly string[]) =>
  `{"writeKey":${JSON.stringify(key)},"sentAt":"${new Date().toJSON()}","batch":[${names.map(get)}]}`;

let busy = false;
let retry = FIRST_RETRY;
const flush = () => {
  const names = unsent();
  if (busy || !names[0]) return;
  busy = true;
  const body = bodyOf(names);
  fetch(target, { method: "POST", body, credentials: "omit", keepalive: body.length < MOST_OUTLIVING })
    .then(({ status }) => {
      // What is refused for good would be refused again.
      if (status > 499 || status === 429) throw status;
      names.map(drop);
      busy = false;
      retry = FIRST_RETRY;
      flush();
    })
    .catch(() => {
      busy = false;
      setTimeout(flush, retry);
      retry = Math.min(2 * retry, LAST_RETRY);
    });
};

const leave = () => {
  const names = unsent();
  if (names[0]) navigator.sendBeacon(target, bodyOf(names));
};

const send = (type: string, fields: Fields) => {
  const now = new Date();
  const messageId = newId();
  if (!get(VISITOR)) put(VISITOR, newId());
  const message = {
    type,
    messageId,
    anonymousId: get(VISITOR),
    userId: get(USER),
    timestamp: now,
    context: { page: { url: location.href, referrer: document.referrer } },
    ...fields,
  };
  put(MESSAGE + +now + messageId, JSON.stringify(message));
  flush();
};

const track = (event: string, properties?: Fields) => send("track", { event, properties });
const calls = {
  track,
  page: (name?: string, properties?: Fields) => send("page", { name, properties }),
  view: (product: Fields) => track("Product Viewed", product),
  add: (product: Fields) => track("Product Added", product),
  remove: (product: Fields) => track("Product Removed", product),
  purchase: (order: Fields) => track("Order Completed", order),
  identify: (userId: string, traits?: Fields) => {
    put(USER, userId);
    send("identify", { traits });
  },
  reset: () => {
    drop(USER);
    drop(VISITOR);
  },
};
const call = ([name, ...parameters]: Call) =>
  (calls[name] as ((...given: unknown[]) => void) | undefined)?.(...parameters);

const waiting = window.productmatcher as readonly Call[] | undefined;
window.productmatcher = { ...calls, push: call };
if (page !== "off") calls.page();
waiting?.map(call);
flush();
addEventListener("online", flush);
addEventListener("pagehide", leave);
document.addEventListener("visibilitychange", () => document.hidden && leave());

export {};
