/**
 * A program of the rig: started with its output in a file, ended by its own id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

const STOP_TIMEOUT_MILLISECONDS = 15_000;

export interface RunningProgram {
  readonly pid: number;
  /** `null` while it runs. */
  readonly exitCode: () => number | null;
  readonly exited: Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Ends with this process at the latest. */
export function startProgram(program: string, args: readonly string[], output: string): RunningProgram {
  const out = openSync(output, "a");
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", out, out] });
  closeSync(out);
  let code: number | null = null;
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", (exitCode) => {
      code = exitCode ?? -1;
      resolve();
    });
  });
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  void exited.then(() => process.removeListener("exit", killAtExit));
  return {
    pid: child.pid ?? -1,
    exitCode: () => code,
    exited,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MILLISECONDS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The last lines of what a program said. */
export function tail(output: string): string {
  return readFileSync(output, "utf8").split("\n").slice(-15).join("\n");
}
