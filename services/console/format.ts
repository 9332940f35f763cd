/** Figures as a person reads them, each with its unit. Pure. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", {
  ...({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" } as const),
  timeZone: "UTC",
});

/** `12,345` */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 event`, `12,345 events` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Three digits: `0.25`, `12.3`, `1,230` */
export function figure(value: number): string {
  return value >= 100 ? whole.format(value) : short.format(value);
}

/** Of something a second: `0.2`, `12`, `1,230` */
export function rate(value: number): string {
  return value < 10 ? value.toFixed(1) : whole.format(value);
}

/** Of a metric between 0 and 1. */
export function score(value: number): string {
  return value.toFixed(4);
}

/** `12 ms`, `1.5 s`, `3 min`, `2 h`, `4 d` */
export function duration(milliseconds: number): string {
  if (milliseconds < SECOND) return `${whole.format(milliseconds)} ms`;
  if (milliseconds < 10 * SECOND) return `${(milliseconds / SECOND).toFixed(1)} s`;
  if (milliseconds < 90 * SECOND) return `${whole.format(milliseconds / SECOND)} s`;
  if (milliseconds < 90 * MINUTE) return `${whole.format(milliseconds / MINUTE)} min`;
  if (milliseconds < 48 * HOUR) return `${whole.format(milliseconds / HOUR)} h`;
  return `${whole.format(milliseconds / DAY)} d`;
}

/** `just now`, `12 s ago`; for what lies ahead `in 5 min`. */
export function ago(at: number, now: number): string {
  const age = now - at;
  if (Math.abs(age) < 2 * SECOND) return "just now";
  const seconds = Math.floor(Math.abs(age) / SECOND) * SECOND;
  const long = seconds < 10 * SECOND ? `${seconds / SECOND} s` : duration(seconds);
  return age < 0 ? `in ${long}` : `${long} ago`;
}

/** `28 Nov 2026, 02:41 UTC` */
export function moment(at: number): string {
  return `${clock.format(at)} UTC`;
}

/** `€1,299.00`; a number alone where the shop names no currency that is known. */
export function price(value: number, currency: string): string {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  if (!/^[A-Za-z]{3}$/.test(currency)) return new Intl.NumberFormat("en-US", digits).format(value);
  return new Intl.NumberFormat("en-US", { style: "currency", currency }).format(value);
}

/** `512 B`, `1.5 kB`, `12 MB` */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let left = value;
  while (left >= 999.5 && unit < units.length - 1) {
    left /= 1_000;
    unit += 1;
  }
  return `${short.format(left)} ${units[unit]}`;
}

/** `+5.2 %` */
export function change(percent: number): string {
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %`;
}

const METRICS: Readonly<Record<string, string>> = {
  ndcg: "NDCG",
  recall: "Recall",
  precision: "Precision",
  mrr: "MRR",
  map: "MAP",
  hitrate: "Hit rate",
  coverage: "Coverage",
};

/** `NDCG@20` of `ndcg@20` */
export function metricName(metric: string): string {
  const [name = "", length] = metric.split("@");
  const words = METRICS[name.toLowerCase()] ?? name;
  return length === undefined ? words : `${words}@${length}`;
}

const EVENT_WORDS: Readonly<Record<string, string>> = {
  view: "viewed",
  click: "clicked",
  add_to_cart: "added to the cart",
  remove_from_cart: "removed from the cart",
  purchase: "bought",
  refund: "returned",
  impression: "shown",
  rating: "rated",
};

/** What somebody did, as in "viewed 3 min ago". */
export function deed(event: string): string {
  return EVENT_WORDS[event] ?? event;
}
