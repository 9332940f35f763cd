import type { LogRecord } from "../activity-log/index.ts";

/**
 * Where records come from, as text: `clicks/0:100-199 clicks/1:7-7`. The same for the same records, and different where
 * a partition or its first or last offset differs.
 */
export function offsetRanges(records: readonly LogRecord[]): string {
  const ranges = new Map<string, { first: number; last: number }>();
  for (const { topic, partition, offset } of records) {
    const key = `${topic}/${partition}`;
    const range = ranges.get(key);
    if (range === undefined) ranges.set(key, { first: offset, last: offset });
    else {
      range.first = Math.min(range.first, offset);
      range.last = Math.max(range.last, offset);
    }
  }
  return [...ranges]
    .map(([key, { first, last }]) => `${key}:${first}-${last}`)
    .sort()
    .join(" ");
}
