/**
 * Finishes package-lock.json after npm has written it (`npm run lock`):
 * - without the addresses of the registry that it happened to be resolved from;
 * - with the optional packages of every platform. npm leaves those out that its registry did not serve at the moment,
 *   and `npm ci` then refuses the file, on any platform.
 */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];
const LIBRARIES = { gnu: "glibc", gnueabihf: "glibc", musl: "musl" };

const lock = JSON.parse(readFileSync(FILE, "utf8"));
for (const [path, entry] of Object.entries(lock.packages)) {
  if (/^https?:/.test(entry.resolved ?? "")) delete entry.resolved;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (path !== "" && !isLocked(path, name)) addPlatformPackage(entry, name, version);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);

function isLocked(path, name) {
  return `${path}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages;
}

function addPlatformPackage(parent, name, version) {
  const parts = name.split(/[-/]/);
  const system = SYSTEMS.find((known) => parts.includes(known));
  const processor = PROCESSORS.find((known) => parts.includes(known));
  if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+[-.\w]*$/.test(version)) {
    throw new Error(`${name}@${version} is not locked, and its name does not say for which platform it is`);
  }
  const library = Object.entries(LIBRARIES).find(([suffix]) => parts.includes(suffix))?.[1];
  lock.packages[`node_modules/${name}`] = {
    version,
    cpu: [processor],
    ...(parent.dev ? { dev: true } : {}),
    ...(library === undefined ? {} : { libc: [library] }),
    optional: true,
    os: [system],
  };
}
