/** Where the API server is, and who we are to it: by a kubeconfig, or by the account of the pod. */
import { readFile } from "node:fs/promises";
import type https from "node:https";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Pick<https.RequestOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">;
}

export interface ClusterAccess {
  readonly server: URL;
  /** Of the pod, or of the kubeconfig's context. */
  readonly namespace: string | undefined;
  /** As they are now: tokens and certificates are replaced in place. */
  credentials(): Promise<Credentials>;
}

/** @throws Error when the configuration names no cluster */
export function kubeconfigAccess(config: KubeConfig): ClusterAccess {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig names no current cluster: set current-context");
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    async credentials() {
      const found: https.RequestOptions = {};
      await config.applyToHTTPSOptions(found);
      const { ca, cert, key, rejectUnauthorized, servername } = found;
      const tls = Object.entries({ ca, cert, key, rejectUnauthorized, servername });
      const headers = Object.entries(found.headers ?? {}).map(([name, value]) => [name, `${value}`] as const);
      const basic = typeof found.auth === "string" ? { Authorization: `Basic ${btoa(found.auth)}` } : {};
      return {
        headers: { ...Object.fromEntries(headers), ...basic },
        tls: Object.fromEntries(tls.filter(([, value]) => value !== undefined)),
      };
    },
  };
}

/** Where Kubernetes mounts the account of a pod. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * By what every pod finds in its environment and in its account's folder. Without the client library, whose models of
 * all kinds would take 60 MB.
 *
 * @returns `null` outside of a pod
 * @throws Error for an account that lacks its namespace or certificate
 */
export async function podAccess(
  folder = SERVICE_ACCOUNT_FOLDER,
  { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" }: NodeJS.ProcessEnv = process.env,
): Promise<ClusterAccess | null> {
  if (host === undefined || host === "") return null;
  const read = (name: string) => readFile(join(folder, name), "utf8");
  const token = await read("token").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (token === null) return null;
  const [namespace] = await Promise.all([read("namespace"), read("ca.crt")]);
  return {
    server: new URL(`https://${host.includes(":") ? `[${host}]` : host}:${port}`),
    namespace: namespace.trim(),
    async credentials() {
      const [current, ca] = await Promise.all([read("token"), read("ca.crt")]);
      return { headers: { Authorization: `Bearer ${current.trim()}` }, tls: { ca } };
    },
  };
}
