/**
 * A process that may write files of some megabytes only, and appends 32 of them at once between two small appends.
 * Prints the codes of what went wrong, as JSON: [before, beyond, after], `null` for an append that was accepted.
 */
import { EmbeddedLogError, openEmbeddedLog } from "../../services/activity-log/embedded/index.ts";

const log = await openEmbeddedLog({ path: process.argv[2]!, partitions: 1 });

async function append(name: string, ...sizes: number[]): Promise<string | null> {
  try {
    await log.append(
      "activity",
      sizes.map((size) => ({ key: name, value: new Uint8Array(size) })),
    );
    return null;
  } catch (error) {
    return error instanceof EmbeddedLogError ? error.code : String(error);
  }
}

const megabytes = Array.from({ length: 32 }, () => 1024 * 1024);
const outcomes = [await append("before", 10), await append("beyond", ...megabytes), await append("after", 10)];
console.log(JSON.stringify(outcomes));
await log.close();
