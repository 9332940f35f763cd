/**
 * A process that appends and commits until it is killed, and says on standard output what the log has acknowledged:
 * `append <id>` and `commit <partition> <offset>`. Run with a folder and a name for this run.
 */
import { writeSync } from "node:fs";
import { openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";

export const TOPIC = "activity";
export const GROUP = "reader";

/** Value of each record: which append it is of, which of its records, and how many there are; padded. */
export interface Marker {
  readonly append: string;
  readonly index: number;
  readonly count: number;
  readonly padding: string;
}

const SHAPES = [
  { count: 1, padding: 50 },
  { count: 7, padding: 200 },
  { count: 200, padding: 200 },
  { count: 3, padding: 300_000 },
] as const;

async function run(path: string, name: string): Promise<void> {
  const log = await openEmbeddedLog({ path });
  const reader = await log.subscribe({ group: GROUP, topics: [TOPIC], startFrom: "Earliest" });

  async function append(writer: number): Promise<never> {
    for (let sequence = 0; ; sequence++) {
      const { count, padding } = SHAPES[(writer + sequence) % SHAPES.length]!;
      const id = `${name}-${writer}-${sequence}`;
      const markers = Array.from(
        { length: count },
        (_, index): Marker => ({ append: id, index, count, padding: "x".repeat(padding) }),
      );
      const value = (marker: Marker): Uint8Array => new TextEncoder().encode(JSON.stringify(marker));
      await log.append(
        TOPIC,
        markers.map((marker) => ({ key: `${marker.index % 13}`, value: value(marker) })),
      );
      writeSync(1, `append ${id}\n`);
    }
  }

  async function read(): Promise<never> {
    for (;;) {
      const records = await reader.poll({ maxRecords: 50, maxBytes: 10_000_000, waitMilliseconds: 1_000 });
      for (const { topic, partition, offset } of records.slice(-1)) {
        await reader.commit([{ topic, partition, offset: offset + 1 }]);
        writeSync(1, `commit ${partition} ${offset + 1}\n`);
      }
    }
  }

  await Promise.all([append(0), append(1), append(2), append(3), read()]);
}

if (import.meta.main) await run(process.argv[2]!, process.argv[3]!);
