import { LRUCache } from "lru-cache";
import { type Link, linkOf, type Named } from "../activity/index.ts";

/** A link as a batch of events shows it. */
export interface SeenLink extends Link {
  /** When last; milliseconds since 1970, UTC. */
  readonly seenAt: number;
}

export interface SelectedLinks {
  /** Not known to be stored, or earlier than what is. */
  readonly fresh: readonly SeenLink[];
  /** Stored, and seen again long after: retention counts from the last time. */
  readonly renewed: readonly SeenLink[];
}

const BYTES = 32 * 1024 * 1024;
/** Beside its ids. */
const ENTRY_BYTES = 200;
/** Well below the shortest retention, a day. */
const RENEWED_AFTER_MILLISECONDS = 3_600_000;

/**
 * The links that this process has stored and joined. Many sources send both ids with every event: what is known needs
 * no work again. A link that was forgotten, after a restart too, is stored and joined once more, to the same end.
 */
export class KnownLinks {
  readonly #links = new LRUCache<string, SeenLink>({ maxSize: BYTES });

  select(links: readonly SeenLink[]): SelectedLinks {
    const fresh: SeenLink[] = [];
    const renewed: SeenLink[] = [];
    for (const link of links) {
      const known = this.#links.get(keyOf(link));
      if (known === undefined || link.linkedAt < known.linkedAt) fresh.push(link);
      else if (link.seenAt >= known.seenAt + RENEWED_AFTER_MILLISECONDS) renewed.push(link);
    }
    return { fresh, renewed };
  }

  /** To be called once all that follows from the links is stored. */
  add({ fresh, renewed }: SelectedLinks): void {
    for (const link of [...fresh, ...renewed]) {
      const key = keyOf(link);
      this.#links.set(key, together(this.#links.get(key), link), { size: ENTRY_BYTES + key.length });
    }
  }
}

/** Each (visitor, user) of the events once. */
export function linksOf(events: Iterable<Named>): SeenLink[] {
  const links = new Map<string, SeenLink>();
  for (const event of events) {
    const link = linkOf(event);
    if (link === null) continue;
    const key = keyOf(link);
    links.set(key, together(links.get(key), { ...link, seenAt: link.linkedAt }));
  }
  return [...links.values()];
}

function together(before: SeenLink | undefined, link: SeenLink): SeenLink {
  if (before === undefined) return link;
  const linkedAt = Math.min(before.linkedAt, link.linkedAt);
  return { ...link, linkedAt, seenAt: Math.max(before.seenAt, link.seenAt) };
}

function keyOf({ anonymousId, userId }: Link): string {
  return `${anonymousId.length}/${anonymousId}${userId}`;
}
