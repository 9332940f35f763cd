/** Models of a pipeline, through the one that answers at an address or straight from its ClickHouse. */
import type { Models } from "../processes/index.ts";
import type { Moved, Registry } from "../trainer/index.ts";
import { type AdminOptions, adminClient } from "./admin-client.ts";
import { CommandError, readResource } from "./resource.ts";
import { roleLogger } from "./role-logger.ts";

export interface ModelAccessOptions extends AdminOptions {
  readonly file?: string;
  readonly secrets: string;
}

/** @throws CommandError with what went wrong, where a person can mend it */
export async function accessModels<Result>(
  options: ModelAccessOptions,
  work: (models: Models) => Promise<Result>,
): Promise<Result> {
  if (options.file === undefined) return work(overHttp(options));
  const { pipeline } = await readResource(options.file);
  const { withModels } = await import("../processes/index.ts");
  try {
    return await withModels({ pipeline, secretsFolder: options.secrets, logger: roleLogger(), now: Date.now }, work);
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error && "code" in error)) throw error;
    throw new CommandError(error.message);
  }
}

function overHttp(options: AdminOptions): Models {
  const client = adminClient(options);
  return {
    registry: () => client.get<Registry>("/admin/models"),
    promote: (version) => client.post<Moved>("/admin/models/promote", { version }),
    rollBack: () => client.post<Moved>("/admin/models/rollback", {}),
  };
}
