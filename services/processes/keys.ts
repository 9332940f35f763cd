import { isDeepStrictEqual } from "node:util";
import type { RoleContext } from "./role.ts";
import type { SecretKey } from "./secrets.ts";

const READ_EVERY_MILLISECONDS = 5_000;

export interface DeclaredKey<Scope> {
  readonly name: string;
  readonly secretKeyRef: SecretKey;
  readonly scopes?: readonly Scope[] | undefined;
}

export interface Key<Scope> {
  readonly name: string;
  readonly key: string;
  readonly scopes?: readonly Scope[] | undefined;
}

/**
 * Keys that the resource names, looked for again every five seconds. One whose Secret is missing admits nobody, and the log
 * says which.
 *
 * @param what they are called in the log
 * @returns the keys of the moment; `null` where the resource asks for none
 */
export async function watchKeys<Scope>(
  what: string,
  declared: () => readonly DeclaredKey<Scope>[] | undefined,
  { secrets, logger, onClose }: Pick<RoleContext, "secrets" | "logger" | "onClose">,
): Promise<() => readonly Key<Scope>[] | null> {
  let missing = "";
  const read = async () => {
    const wanted = declared();
    if (wanted === undefined) return null;
    const faults: string[] = [];
    const keys = await Promise.all(
      wanted.map(async ({ name, secretKeyRef, scopes }): Promise<Key<Scope>[]> => {
        try {
          return [{ name, key: await secrets.read(secretKeyRef), scopes }];
        } catch (error) {
          faults.push(error instanceof Error ? error.message : String(error));
          return [];
        }
      }),
    );
    const told = faults.join("; ");
    if (told !== missing && told !== "") logger.warn(`${what}: ${told}`);
    missing = told;
    return keys.flat();
  };
  let current = await read();
  const timer = setInterval(async () => {
    const latest = await read();
    if (!isDeepStrictEqual(latest, current)) current = latest;
  }, READ_EVERY_MILLISECONDS);
  onClose(() => clearInterval(timer));
  return () => current;
}
