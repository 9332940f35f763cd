/**
 * Fields of the resource that act without a restart. Where the operator starts a role, they stand in a file of their own
 * beside the role's, which Kubernetes replaces in the running pod.
 */
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import type { PipelineSpec, RecommenderPipeline } from "../../crds/index.ts";
import { ConfigVersionError, faultText, isRoleFile, readPipelines } from "../config/index.ts";
import type { Problem } from "../role-report/index.ts";

export interface LiveFields {
  /** As it is at this moment. */
  readonly spec: () => PipelineSpec;
  /** Why the file of this moment does not hold: the fields stay as they were. */
  readonly problem: () => Problem | null;
}

const READ_EVERY_MILLISECONDS = 5_000;

export interface LiveOptions {
  /** Holds where there is no file. */
  readonly pipeline: RecommenderPipeline;
  /** `null`: there is none. */
  readonly liveFile: string | null;
  readonly logger: Logger;
  onClose(step: () => void): void;
  readonly everyMilliseconds?: number;
}

/** At the start there is nothing that could hold instead: without its keys a collector would admit everybody. */
export class LiveFieldsError extends Error {
  override readonly name = "LiveFieldsError";
  readonly code = "ConfigurationRejected";
}

/** @throws LiveFieldsError when the file does not hold at the start */
export async function watchLiveFields(options: LiveOptions): Promise<LiveFields> {
  const { pipeline, liveFile, logger, onClose, everyMilliseconds = READ_EVERY_MILLISECONDS } = options;
  let { spec } = pipeline;
  let problem: Problem | null = null;
  if (liveFile === null) return { spec: () => spec, problem: () => null };
  let last: string | null = null;
  const read = async () => {
    const text = await readFile(liveFile, "utf8").catch((error: NodeJS.ErrnoException) => error);
    const key = typeof text === "string" ? text : text.message;
    if (key === last) return;
    const isFirst = last === null;
    last = key;
    const found = typeof text === "string" ? parse(text, liveFile) : { faults: text.message };
    if ("faults" in found && isFirst) throw new LiveFieldsError(`${liveFile}: ${found.faults}`);
    if ("faults" in found) {
      const message = `${liveFile}: ${found.faults}; what held before holds on`;
      problem = { about: "Role", reason: "ConfigurationRejected", message };
      logger.error(message);
      return;
    }
    spec = found.spec;
    problem = null;
    if (!isFirst) logger.info("fields that act without a restart have changed");
  };
  await read();
  const timer = setInterval(() => void read(), everyMilliseconds);
  onClose(() => clearInterval(timer));
  return { spec: () => spec, problem: () => problem };
}

function parse(text: string, source: string): { readonly spec: PipelineSpec } | { readonly faults: string } {
  const { pipelines, faults } = readPipelines(text, { source });
  const [pipeline] = pipelines;
  if (faults.length > 0) return { faults: faults.map(faultText).join("; ") };
  if (pipeline === undefined) return { faults: "it holds no pipeline" };
  try {
    return isRoleFile(pipeline) ? { spec: pipeline.spec } : { faults: "it is not a file that the operator wrote" };
  } catch (error) {
    if (error instanceof ConfigVersionError) return { faults: error.message };
    throw error;
  }
}
