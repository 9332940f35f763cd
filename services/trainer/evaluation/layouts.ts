/** Folders of data sets, told by their files. */
import { readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { DataSetError } from "./fault.ts";

/** A data set as files: one that is split, or one that a holdout is taken from. */
export type DataSetFiles = { readonly train: string; readonly test: string } | { readonly data: string };

const DATA_EXTENSIONS = [".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson"];

/**
 * The files of a folder: `train.*` and `test.*`; `events.*` and `test.*`; or one file alone.
 *
 * @throws DataSetError layout_unknown, naming what is in the folder
 */
export async function findDataSet(folder: string): Promise<DataSetFiles> {
  const entries = await readdir(folder).catch((cause: unknown) => {
    throw new DataSetError("file_unreadable", `${folder} cannot be read: ${(cause as Error).message}`, { cause });
  });
  return layoutOf(folder, entries);
}

/** @param entries names of the folder's files */
export function layoutOf(folder: string, entries: readonly string[]): DataSetFiles {
  const files = entries.filter((name) => DATA_EXTENSIONS.includes(parse(name).ext.toLowerCase())).sort();
  const named = (stem: string) => files.find((name) => parse(name).name.toLowerCase() === stem);
  const train = named("train") ?? named("events");
  const test = named("test");
  if (train !== undefined && test !== undefined) return { train: join(folder, train), test: join(folder, test) };
  const [only] = files;
  if (files.length === 1 && only !== undefined) return { data: join(folder, only) };
  const found = entries.length === 0 ? "it is empty" : `it has ${[...entries].sort().join(", ")}`;
  throw new DataSetError(
    "layout_unknown",
    `${folder}: expected train.* and test.*, events.* and test.*, or one file alone; ${found}. Name files with --train and --test, or --data`,
  );
}
