/** What a page or a server sends to the collector. Without ids: the collector gives each event its own. */
import type { ShopEvent } from "./activity.ts";

/** The body of `POST /v1/track`. */
export function trackBody([event]: readonly ShopEvent[]): string {
  return JSON.stringify({ ...event, eventId: undefined });
}

/** The body of `POST /v1/batch`. */
export function batchBody(events: readonly ShopEvent[]): string {
  return JSON.stringify({ events: events.map((event) => ({ ...event, eventId: undefined })) });
}
