import { readFile } from "node:fs/promises";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { faultText, readPipelines } from "../config/index.ts";

/** What a command says and ends with when a person has to change something; no stack trace helps them. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface ReadResource {
  readonly pipeline: RecommenderPipeline;
  readonly text: string;
}

/**
 * The one pipeline of a file.
 *
 * @throws CommandError that names every fault
 */
export async function readResource(path: string): Promise<ReadResource> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${path} cannot be read: ${error.code === "ENOENT" ? "no such file" : error.message}`, 2);
  });
  return { text, pipeline: parseResource(text, path) };
}

/** @throws CommandError that names every fault */
export function parseResource(text: string, source: string): RecommenderPipeline {
  const { pipelines, faults } = readPipelines(text, { source });
  if (faults.length > 0) throw new CommandError(faults.map(faultText).join("\n"));
  const [pipeline] = pipelines;
  if (pipeline === undefined || pipelines.length > 1) {
    throw new CommandError(`${source} holds ${pipelines.length} pipelines: give a file with one`);
  }
  return pipeline;
}
