/**
 * What the log keeps: the oldest segments go first, by total size and by age, whether or not a group has read them.
 * The newest segment always stays.
 */
import type { Retention } from "./store-calls.ts";

export interface StoredSegment {
  readonly id: number;
  readonly byteCount: number;
  /** Milliseconds since 1970. */
  readonly appendedAt: number;
}

/** Whether a segment of that age may go while so many bytes are stored. */
export function isExpired(
  appendedAt: number,
  storedBytes: number,
  { maxBytes = Number.POSITIVE_INFINITY, maxAgeMilliseconds = Number.POSITIVE_INFINITY }: Retention,
  now: number,
): boolean {
  return storedBytes > maxBytes || appendedAt < now - maxAgeMilliseconds;
}

/**
 * @param oldest segments in order of age, from the oldest; the last of them stays
 * @param storedBytes of all segments, also those that are not in `oldest`
 * @returns how many of `oldest` may go
 */
export function expiredCount(
  oldest: readonly StoredSegment[],
  storedBytes: number,
  retention: Retention,
  now: number,
): number {
  let kept = storedBytes;
  let expired = 0;
  for (const { byteCount, appendedAt } of oldest.slice(0, -1)) {
    if (!isExpired(appendedAt, kept, retention, now)) break;
    kept -= byteCount;
    expired++;
  }
  return expired;
}
