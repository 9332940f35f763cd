import type { KubeObject } from "../../runtime/index.ts";
import { SERVICE_ACCOUNT } from "../kinds.ts";
import { childMeta, type Role } from "../names.ts";
import { type Build, child } from "./build.ts";

/** An identity without rights and without a token: roles never ask the API server anything. */
export function serviceAccount({ pipeline }: Build, role: Role): KubeObject {
  return child(SERVICE_ACCOUNT, childMeta(pipeline, role), { automountServiceAccountToken: false });
}
