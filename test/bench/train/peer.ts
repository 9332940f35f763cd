/** The C++ library `implicit` (PyPI) in a virtual environment of the bench's own, which is kept for the next run. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SplitFiles } from "./data.ts";
import { runOnTwoCores, type Took } from "./programs.ts";

const run = promisify(execFile);
const REQUIREMENTS = ["implicit==0.7.3", "numpy>=2", "scipy>=1.13"];
const ENVIRONMENT = join(tmpdir(), "productmatcher-bench-implicit-0.7.3");

export interface Measured {
  readonly fit: Took;
  /** A step of the fit, the first left out: of ALS a pass over users and items. */
  readonly pass: Took;
  /** Twenty items for each user of the test part. */
  readonly top: Took;
  readonly recall: number;
}

/** @returns its Python. @throws Error when there is no python3, or the packages cannot be had */
export async function preparePeer(): Promise<string> {
  const python = join(ENVIRONMENT, "bin", "python");
  const ready = await access(join(ENVIRONMENT, "ready")).then(
    () => true,
    () => false,
  );
  if (ready) return python;
  await run("python3", ["-m", "venv", "--clear", ENVIRONMENT]);
  await run(python, ["-m", "pip", "install", "--quiet", "--only-binary", ":all:", ...REQUIREMENTS]);
  await run("touch", [join(ENVIRONMENT, "ready")]);
  return python;
}

/** By `neighbours` and `factors<number>`. */
export function runPeer(
  python: string,
  files: SplitFiles,
  passes: number,
  factors: readonly number[],
): Promise<Readonly<Record<string, Measured>>> {
  const script = fileURLToPath(import.meta.resolve("./peer.py"));
  return runOnTwoCores(python, [script, files.train, files.test, String(passes), ...factors.map(String)]);
}
