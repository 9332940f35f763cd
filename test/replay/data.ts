import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const DATA = process.env.PRODUCTMATCHER_DATA ?? resolve(import.meta.dirname, "../../../shared/data");

/**
 * A file of the real data sets, which are no part of the repository.
 *
 * @throws Error that says what is missing and where it was looked for
 */
export function dataFile(path: string): string {
  const file = join(DATA, path);
  if (existsSync(file)) return file;
  throw new Error(
    `${path} is missing in ${DATA}: put the data set there, or name the folder that has it with PRODUCTMATCHER_DATA`,
  );
}
