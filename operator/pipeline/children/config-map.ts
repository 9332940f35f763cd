import { ROLE_FILE } from "../../../services/config/index.ts";
import type { KubeObject } from "../../runtime/index.ts";
import { CONFIG_MAP } from "../kinds.ts";
import { childMeta, type Role } from "../names.ts";
import { type LiveRole, liveFile, roleFile } from "../role-files.ts";
import { type Build, child } from "./build.ts";

/** The file of a role. */
export function roleConfigMap({ pipeline }: Build, role: Role): KubeObject {
  return child(CONFIG_MAP, childMeta(pipeline, role), { data: { [ROLE_FILE]: roleFile(pipeline, role) } });
}

export function liveConfigMapName({ pipeline }: Build): string {
  return `${pipeline.metadata.name}-recommender-live`;
}

/** A key a role. */
export function liveKey(role: LiveRole): string {
  return `${role}.yaml`;
}

/** Fields that act without a restart: one ConfigMap, which no checksum ever covers. */
export function liveConfigMap(build: Build): KubeObject {
  const { pipeline } = build;
  const roles: readonly LiveRole[] =
    pipeline.spec.collector === undefined ? ["recommender"] : ["collector", "recommender"];
  const data = Object.fromEntries(roles.map((role) => [liveKey(role), liveFile(pipeline, role)]));
  return child(CONFIG_MAP, childMeta(pipeline, "recommender", liveConfigMapName(build)), { data });
}
