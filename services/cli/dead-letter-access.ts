/** Dead letters of a pipeline, through the one that answers at an address or straight from its ClickHouse and Kafka. */
import type { DeadLetter, DeadLetterCount, DeadLetterFilter, DeadLetterWithValue } from "../clickhouse/index.ts";
import type { ReplayedFromTopic } from "../consumer/index.ts";
import { withDeadLetters } from "../processes/index.ts";
import { type AdminOptions, adminClient } from "./admin-client.ts";
import { CommandError, readResource } from "./resource.ts";
import { roleLogger } from "./role-logger.ts";

export interface AccessOptions extends AdminOptions {
  readonly file?: string;
  readonly secrets: string;
}

export interface Listing {
  readonly counts: readonly DeadLetterCount[];
  readonly deadLetters: readonly DeadLetter[];
}

export interface DeadLetterAccess {
  list(filter: DeadLetterFilter, limit: number): Promise<Listing>;
  /** @throws CommandError when there is none of that id */
  show(id: string): Promise<DeadLetterWithValue>;
  replay(filter: DeadLetterFilter, from: "clickhouse" | "topic"): Promise<ReplayedFromTopic>;
}

/** @throws CommandError with what went wrong, where a person can mend it */
export async function accessDeadLetters<Result>(
  options: AccessOptions,
  work: (access: DeadLetterAccess) => Promise<Result>,
): Promise<Result> {
  if (options.file === undefined) return work(overHttp(options));
  const { pipeline } = await readResource(options.file);
  try {
    return await withDeadLetters(
      { pipeline, secretsFolder: options.secrets, logger: roleLogger(), now: Date.now },
      ({ list, show, replay }) =>
        work({
          list,
          replay,
          async show(id) {
            const letter = await show(id);
            if (letter === undefined) throw new CommandError(`There is no dead letter with the id ${id}.`);
            return letter;
          },
        }),
    );
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error && "code" in error)) throw error;
    throw new CommandError(error.message);
  }
}

function overHttp(options: AdminOptions): DeadLetterAccess {
  const client = adminClient(options);
  return {
    list({ topic, reason, includeResolved = false }, limit) {
      const query = new URLSearchParams({ limit: String(limit), resolved: String(includeResolved) });
      if (topic !== undefined) query.set("topic", topic);
      if (reason !== undefined) query.set("reason", reason);
      return client.get<Listing>(`/admin/dead-letters?${query}`);
    },
    show: (id) => client.get<DeadLetterWithValue>(`/admin/dead-letters/${encodeURIComponent(id)}`),
    replay: (filter, from) => client.post<ReplayedFromTopic>("/admin/dead-letters/replay", { ...filter, from }),
  };
}
