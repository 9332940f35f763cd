/**
 * What the API server suites share: the run's control plane, a namespace for each test, connections that are closed
 * after all of them.
 */
import { randomBytes } from "node:crypto";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, describe, inject } from "vitest";
import {
  type ApiServer,
  type ApiServerOptions,
  connectApiServer,
  type KubeObject,
  kubeconfigAccess,
  pathOf,
  type ResourceKind,
} from "../../operator/runtime/index.ts";
import { type ControlPlaneDescription, kubeconfigOf, kubectl as kubectlOn } from "./control-plane.ts";

export { eventually } from "../fixtures/eventually.ts";

const shared = inject("controlPlane");

export const describeApiServer = describe.skipIf(shared === null);

/** Of this run. */
export function plane(): ControlPlaneDescription {
  if (shared === null) throw new Error("no API server on this machine");
  return shared;
}

export function kubectl(...args: string[]): Promise<string> {
  return kubectlOn(plane(), args);
}

/** As `kubectl apply -f -` of the object does. */
export function kubectlApply(object: object): Promise<string> {
  return kubectlOn(plane(), ["apply", "-f", "-"], JSON.stringify(object));
}

const opened: ApiServer[] = [];

/** As the administrator; closed after all tests of the file. */
export function connect(options: Partial<ApiServerOptions> & { readonly kubeconfig?: string } = {}): ApiServer {
  const config = new KubeConfig();
  config.loadFromFile(options.kubeconfig ?? kubeconfigOf(plane()));
  const api = connectApiServer(kubeconfigAccess(config), { userAgent: "test", now: Date.now, ...options });
  opened.push(api);
  return api;
}

afterAll(() => {
  for (const api of opened.splice(0)) api.close();
});

/** A new one, with its default service account. */
export async function newNamespace(name = `t-${randomBytes(4).toString("hex")}`): Promise<string> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await connect().request({ method: "POST", path: "/api/v1/namespaces", body });
  return name;
}

export const CONFIG_MAP: ResourceKind = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps" };

export function configMap(namespace: string, name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name, labels: { test: "yes" } }, data };
}

export function create(api: ApiServer, kind: ResourceKind, body: KubeObject): Promise<KubeObject> {
  return api.request({ method: "POST", path: pathOf(kind, body.metadata.namespace), body });
}

export function get(api: ApiServer, kind: ResourceKind, namespace: string, name: string): Promise<KubeObject> {
  return api.request({ method: "GET", path: pathOf(kind, namespace, name) });
}

export function mergePatch(
  api: ApiServer,
  kind: ResourceKind,
  namespace: string,
  name: string,
  body: object,
  subresource?: string,
): Promise<KubeObject> {
  const path = pathOf(kind, namespace, name, subresource);
  return api.request({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
}
