import type { ClickHouse } from "../clickhouse/index.ts";

export interface TopicCount {
  readonly topic: string;
  /** In the table, each event once. */
  readonly events: number;
  /** Open ones. */
  readonly deadLetters: number;
}

/** What each topic's records have become. @throws ClickHouseError */
export function countTopics(clickhouse: ClickHouse, topics: readonly string[]): Promise<TopicCount[]> {
  return clickhouse.query<TopicCount>(
    `SELECT topic, toUInt32(sum(event)) AS events, toUInt32(sum(letter)) AS deadLetters
     FROM (
       SELECT topic, 1 AS event, 0 AS letter FROM activity WHERE topic IN {topics:Array(String)}
       UNION ALL
       SELECT topic, 0, 1 FROM dead_letters FINAL WHERE topic IN {topics:Array(String)} AND NOT resolved
       UNION ALL
       SELECT arrayJoin({topics:Array(String)}), 0, 0
     )
     GROUP BY topic ORDER BY topic`,
    { topics },
  );
}
