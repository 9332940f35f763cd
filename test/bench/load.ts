/** Puts load on a server from a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { HttpLoad, HttpLoadResult } from "./http-load.ts";

const PROGRAM = fileURLToPath(import.meta.resolve("./http-load.ts"));

/**
 * @param onStart of the process, by its id
 * @throws Error when a request failed
 */
export async function underLoad(load: HttpLoad, onStart: (pid: number) => unknown = () => {}): Promise<HttpLoadResult> {
  const running = promisify(execFile)(process.execPath, [PROGRAM]);
  running.child.stdin?.end(JSON.stringify(load));
  if (running.child.pid !== undefined) await onStart(running.child.pid);
  const result = JSON.parse((await running).stdout) as HttpLoadResult;
  if (Object.values(result.failed).some((count) => count > 0)) {
    throw new Error(`requests to ${load.url} failed: ${JSON.stringify(result.failed)}`);
  }
  return result;
}
