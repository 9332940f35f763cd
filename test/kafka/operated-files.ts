/** The files that the operator would mount into each role's pods, in a folder a role. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allChildren } from "../../operator/pipeline/compile.ts";
import { PROGRAM, type Role } from "../../operator/pipeline/names.ts";
import type { KubeObject } from "../../operator/runtime/index.ts";
import { LIVE_FILE, ROLE_FILE } from "../../services/config/index.ts";
import { planFor } from "../fixtures/pipelines.ts";

/** Writes them, anew where they are there. @returns the file of a role by the program's name for it */
export function writeOperatedFiles(folder: string, resource: KubeObject): (program: string) => string {
  const plan = planFor(resource);
  const maps = new Map(
    [...allChildren(plan), ...plan.cleanup]
      .filter(({ object }) => object.kind === "ConfigMap")
      .map(({ object }) => [object.metadata.name, object.data as Readonly<Record<string, string>>]),
  );
  const { name } = resource.metadata;
  for (const role of Object.keys(PROGRAM) as Role[]) {
    const own = maps.get(`${name}-${role}`)?.[ROLE_FILE];
    if (own === undefined) continue;
    mkdirSync(join(folder, role), { recursive: true });
    writeFileSync(join(folder, role, ROLE_FILE), own);
    const live = maps.get(`${name}-recommender-live`)?.[`${role}.yaml`];
    if (live !== undefined) writeFileSync(join(folder, role, LIVE_FILE), live);
  }
  return (program) => {
    const role = (Object.keys(PROGRAM) as Role[]).find((known) => PROGRAM[known] === program);
    if (role === undefined) throw new Error(`the operator starts no ${program}`);
    return join(folder, role, ROLE_FILE);
  };
}
