/** What the system says of a process, and on which core it may run. */
import { type ChildProcess, execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Of the times in /proc/<pid>/stat; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIBIBYTE = 1024;

/** The measured process has a core of its own where there are two; what serves it (broker, ClickHouse, load) the others. */
export const MEASURED_CORES = "0";
export const OTHER_CORES = availableParallelism() === 1 ? "0" : `1-${availableParallelism() - 1}`;

/** Processor time of all threads of a process so far, user and system. */
export function cpuSeconds(pid: number): number {
  return secondsIn(`/proc/${pid}/stat`);
}

function secondsIn(file: string): number {
  const fields = readFileSync(file, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const [utime, stime] = [fields[11], fields[12]];
  return (Number(utime) + Number(stime)) / TICKS_PER_SECOND;
}

/** The same of its main thread: where an engine in the process has threads of its own. */
export function mainThreadSeconds(pid: number): number {
  return secondsIn(`/proc/${pid}/task/${pid}/stat`);
}

export function residentBytes(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid: number, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) * KIBIBYTE;
}

/** All threads, those it starts later included. @returns false where there is no `taskset` */
export async function pin(pid: number, cores: string): Promise<boolean> {
  try {
    await run("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, String(pid)]);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

/** @throws Error when the process does not run */
export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the process does not run");
  return pid;
}
