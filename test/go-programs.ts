/** Programs written in Go that suites need: built once from a module that pins them, into a cache outside the repository. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Of Kubernetes on two busy cores with nothing cached. */
const BUILD_TIMEOUT_MILLISECONDS = 30 * 60_000;

export const GO_NEEDED = "Go of at least 1.26 (https://go.dev/dl), which builds it";

export interface GoPrograms {
  /** Folder with the go.mod that pins them. */
  readonly module: string;
  /** Import paths of the commands; a program is called as the last part. */
  readonly packages: readonly string[];
  /** Values set at link time, by variable. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Folder of the cache, with the version in its name. */
  readonly cache: string;
}

/**
 * Version of a required module, as the go.mod in a folder pins it.
 *
 * @throws Error when it requires no such module
 */
export function pinnedVersion(folder: string, required: string): string {
  const file = join(folder, "go.mod");
  const lines = readFileSync(file, "utf8").split("\n");
  const words = lines.map((line) =>
    line
      .trim()
      .replace(/^require /, "")
      .split(" "),
  );
  const version = words.find(([path]) => path === required)?.[1];
  if (version === undefined) throw new Error(`${file} does not require ${required}`);
  return version;
}

/** Where the programs lie once they are built. */
export function goProgramsFolder({ cache }: Pick<GoPrograms, "cache">): string {
  const folder = process.env.PRODUCTMATCHER_TEST_CACHE ?? join(tmpdir(), "productmatcher-test-cache");
  return join(folder, cache);
}

/** Whether they are there, or can be built. */
export async function canHaveGoPrograms(programs: Pick<GoPrograms, "cache">): Promise<boolean> {
  return existsSync(goProgramsFolder(programs)) || hasGo();
}

export async function hasGo(): Promise<boolean> {
  return run("go", ["version"]).then(
    () => true,
    () => false,
  );
}

/** @returns the folder with the programs, built if the cache has them not */
export async function buildGoPrograms(programs: GoPrograms): Promise<string> {
  const folder = goProgramsFolder(programs);
  if (existsSync(folder)) return folder;
  const { module, packages, variables = {}, cache } = programs;
  console.error(`building ${cache}: some minutes, once`);
  const parent = join(folder, "..");
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, "building-"));
  try {
    const links = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
    await run("go", ["build", "-trimpath", "-ldflags", ["-s -w", ...links].join(" "), "-o", `${work}/`, ...packages], {
      cwd: module,
      timeout: BUILD_TIMEOUT_MILLISECONDS,
      env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local" },
    });
    renameSync(work, folder);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
