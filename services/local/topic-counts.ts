import type { ClickHouse } from "../clickhouse/index.ts";

export interface TopicCount {
  readonly topic: string;
  /** In the table, each event once. */
  readonly events: number;
  /** Open ones. */
  readonly deadLetters: number;
}

/** Events as the view `activity` has them; grouped, since a large group spills to disk, and `LIMIT BY` does not. */
const COUNT_TOPICS = `
SELECT topic, toUInt32(sum(events)) AS events, toUInt32(sum(letters)) AS deadLetters
FROM (
  SELECT topic, count() AS events, 0 AS letters
  FROM (SELECT argMax(topic, ingested_at) AS topic FROM events GROUP BY event_id)
  WHERE topic IN {topics:Array(String)}
  GROUP BY topic
  UNION ALL
  SELECT topic, 0, count() FROM dead_letters FINAL WHERE topic IN {topics:Array(String)} AND NOT resolved GROUP BY topic
  UNION ALL
  SELECT arrayJoin({topics:Array(String)}), 0, 0
)
GROUP BY topic
ORDER BY topic
SETTINGS max_threads = 1, max_bytes_before_external_group_by = 33554432, max_bytes_ratio_before_external_group_by = 0`;

/** What each topic's records have become, in memory that does not grow with the table. @throws ClickHouseError */
export function countTopics(clickhouse: ClickHouse, topics: readonly string[]): Promise<TopicCount[]> {
  return clickhouse.query<TopicCount>(COUNT_TOPICS, { topics });
}
