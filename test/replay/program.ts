/** The program as people run it, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../services/cli/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function start(...parameters: readonly string[]): Program {
  return startFile(MAIN, parameters);
}

export function run(...parameters: readonly string[]): Promise<Ended> {
  return start(...parameters).ended;
}

/** @throws Error with what the program said, when it did not end well */
export async function runWell(...parameters: readonly string[]): Promise<string> {
  return wellEnded(await run(...parameters));
}

export function wellEnded({ code, signal, output, errors }: Ended): string {
  if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${errors}`);
  return output;
}

export function startFile(file: string, parameters: readonly string[]): Program {
  const child = spawn(process.execPath, [file, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<Pick<Ended, "code" | "signal">>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([how, output, errors]) => ({
    ...how,
    output,
    errors,
  }));
  return { child, ended };
}
