import { dirname, join } from "node:path";
import type { RecommenderPipeline } from "../../crds/index.ts";
import { ConfigVersionError, isRoleFile, LIVE_FILE } from "../config/index.ts";
import { CommandError, readResource } from "./resource.ts";
import { sayLast } from "./termination.ts";

export interface RoleFile {
  readonly pipeline: RecommenderPipeline;
  /** What may change while the role runs; `null`: it stands in the resource. */
  readonly liveFile: string | null;
}

/**
 * A person's file, or the operator's for this role, with the file of live fields beside it.
 *
 * @param hasLiveFields whether the role reads fields that may change while it runs
 * @throws CommandError
 */
export async function readRoleFile(file: string, hasLiveFields: boolean): Promise<RoleFile> {
  try {
    const { pipeline } = await readResource(file);
    const live = join(dirname(file), LIVE_FILE);
    return { pipeline, liveFile: isRoleFile(pipeline) && hasLiveFields ? live : null };
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof ConfigVersionError)) throw error;
    sayLast({ reason: "ConfigurationRejected", message: error.message });
    throw error instanceof CommandError ? error : new CommandError(error.message);
  }
}
