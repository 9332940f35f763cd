import { isDeepStrictEqual } from "node:util";
import type { Collector } from "../../crds/index.ts";
import type { WriteKey } from "../collector/index.ts";
import type { RoleContext } from "./role.ts";

const READ_EVERY_MILLISECONDS = 5_000;

/**
 * The keys that may write, looked for again every five seconds. One whose Secret is missing admits nobody, and the log says
 * which.
 *
 * @returns the keys of the moment; `null` where the resource asks for none
 */
export async function watchKeys(
  declared: () => Collector["writeKeys"],
  { secrets, logger, onClose }: Pick<RoleContext, "secrets" | "logger" | "onClose">,
): Promise<() => readonly WriteKey[] | null> {
  let missing = "";
  const read = async () => {
    const wanted = declared();
    if (wanted === undefined) return null;
    const faults: string[] = [];
    const keys = await Promise.all(
      wanted.map(async ({ name, secretKeyRef, scopes }): Promise<WriteKey[]> => {
        try {
          return [{ name, key: await secrets.read(secretKeyRef), scopes }];
        } catch (error) {
          faults.push(error instanceof Error ? error.message : String(error));
          return [];
        }
      }),
    );
    const told = faults.join("; ");
    if (told !== missing && told !== "") logger.warn(`write keys: ${told}`);
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
