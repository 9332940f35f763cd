/** A program: inserts the file's events, prepared beforehand, into the same table with the same client. */

import { compileTopic, SEED_TOPICS } from "../../services/activity/index.ts";
import { settleProcess } from "../../services/cli/process-settings.ts";
import { migrate, openClickHouse } from "../../services/clickhouse/index.ts";
import { eventRow } from "../../services/consumer/rows.ts";
import { openReplaySource } from "../../services/replay/index.ts";

const BATCH_ROWS = 10_000;
settleProcess();
const [file = "", dataDir = ""] = process.argv.slice(2);

const clickhouse = await openClickHouse({ kind: "embedded", path: dataDir }, "bench");
await migrate(clickhouse, { database: "bench" }, Date.now);
const seconds = await insertAll();
await clickhouse.close();
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ eventsPerSecond: seconds.rows / seconds.seconds, peakBytes }));

async function insertAll() {
  let rows = 0;
  let inserting = 0;
  for await (const batch of preparedRows()) {
    const started = performance.now();
    await clickhouse.insert("events", batch);
    inserting += performance.now() - started;
    rows += batch.length;
  }
  return { rows, seconds: inserting / 1000 };
}

/** Only the inserts are timed: reading and mapping are not part of the baseline. */
async function* preparedRows(): AsyncGenerator<object[]> {
  const options = { privacy: { ipAddress: "Truncate", userAgent: "Family" }, attributes: [] } as const;
  const mappers = new Map(SEED_TOPICS.map((topic) => [topic.name, compileTopic(topic, options)]));
  const source = await openReplaySource(file, "seed", { engine: clickhouse });
  let offset = 0;
  for await (const records of source.batches(BATCH_ROWS)) {
    const now = Date.now();
    yield records.flatMap(({ topic, value }) => {
      const place = { topic, partition: 0, offset: offset++ };
      const mapped = mappers.get(topic)?.map({ ...place, value, headers: {}, timestamp: now }, now);
      return (mapped?.activities ?? []).flatMap((activity) =>
        activity.kind === "event" ? [eventRow(activity.event, place, { user: {}, item: {}, complete: true }, now)] : [],
      );
    });
  }
  await source.close();
}
