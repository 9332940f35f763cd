/** Programs of the bench, each in a process of its own with two cores, that say what they measured as one line of JSON. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What both sides of a comparison may use. */
export const THREADS = 2;

/** Time on the wall, and of the processor: all threads of the process, user and system. */
export interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export async function took<Result>(work: () => Promise<Result> | Result): Promise<Took & { readonly result: Result }> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: (performance.now() - began) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

/** @param program beside this file. @throws Error when it fails */
export async function runProgram<Measured>(program: string, words: readonly string[]): Promise<Measured> {
  const script = fileURLToPath(import.meta.resolve(`./${program}`));
  return runOnTwoCores(process.execPath, [script, ...words]);
}

/** @throws Error when it fails */
export async function runOnTwoCores<Measured>(command: string, words: readonly string[]): Promise<Measured> {
  const [file, ...more] =
    availableParallelism() > THREADS ? ["taskset", "--cpu-list", `0-${THREADS - 1}`, command] : [command];
  const { stdout } = await run(file as string, [...more, ...words], {
    env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Measured;
}
