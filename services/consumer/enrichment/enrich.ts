import type { SourcedEvent } from "../prepare.ts";
import type { Attributes, Enrichment } from "../rows.ts";
import type { SourceStatus } from "./breaker.ts";
import type { Lookup } from "./cache.ts";

/** Where attributes come from; an absent lookup means there is nothing to add. */
export interface AttributeSource {
  readonly users?: Lookup;
  readonly items?: Lookup;
  /** Absent: a source that is always there. */
  readonly status?: () => SourceStatus;
}

const NONE: Attributes = Object.freeze({});

/** The same for every event when nothing is enriched. */
const NOTHING_TO_ADD: Enrichment = Object.freeze({ user: NONE, item: NONE, complete: true });

/** What is known of each event's user and item, in the order of the events. @throws when a source does not answer */
export async function enrich(events: readonly SourcedEvent[], source: AttributeSource): Promise<Enrichment[]> {
  if (source.users === undefined && source.items === undefined) return events.map(() => NOTHING_TO_ADD);
  const [users, items] = await Promise.all([
    lookUp(
      source.users,
      events.map(({ event }) => event.userId),
    ),
    lookUp(
      source.items,
      events.map(({ event }) => event.itemId),
    ),
  ]);
  return events.map(({ event }) => ({
    user: users.get(event.userId) ?? NONE,
    item: items.get(event.itemId) ?? NONE,
    complete: true,
  }));
}

/** What is stored while a source is away: `completeEnrichment` fills it in later. */
export function unenriched(events: readonly SourcedEvent[]): Enrichment[] {
  return events.map(() => ({ user: NONE, item: NONE, complete: false }));
}

async function lookUp(lookup: Lookup | undefined, keys: readonly string[]): Promise<ReadonlyMap<string, Attributes>> {
  if (lookup === undefined) return new Map();
  const asked = [...new Set(keys)].filter((key) => key !== "");
  return asked.length === 0 ? new Map() : lookup(asked);
}
