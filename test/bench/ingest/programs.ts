/** Programs of the bench as processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pin } from "./processes.ts";

export interface Program {
  readonly pid: number;
  /** What it prints first. Rejects when it ends without a word. */
  readonly firstLine: Promise<string>;
  end(): void;
}

/** @param program beside this file. @throws Error when it cannot be started */
export async function startProgram(
  program: string,
  words: readonly string[],
  cores: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const script = fileURLToPath(import.meta.resolve(`./${program}`));
  const child: ChildProcess = spawn(process.execPath, [script, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
  const { pid, stdout } = child;
  if (pid === undefined || stdout === null) throw new Error(`${program} could not be started`);
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface(stdout).once("line", resolve);
    child.once("close", (code) => reject(new Error(`${program} ended with ${code} before it said anything`)));
  });
  // Whoever awaits it still sees the failure.
  firstLine.catch(() => {});
  await pin(pid, cores);
  return { pid, firstLine, end };
}
