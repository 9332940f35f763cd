/** Writing objects: by server-side apply, under one field manager. */
import type { ApiServer } from "./api-server.ts";
import { type KubeObject, pathOf, type ResourceKind } from "./kinds.ts";

const APPLY = "application/apply-patch+yaml";

export interface ApplyOptions {
  readonly api: ApiServer;
  readonly kind: ResourceKind;
  readonly manager: string;
  readonly subresource?: string;
  readonly signal?: AbortSignal;
}

/**
 * Makes the object's fields as given and drops those that the manager set before and that are not given now; takes
 * fields that others changed back.
 *
 * @returns the object as the server has it now
 * @throws ApiError, ConnectionError
 */
export function apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
  const { namespace, name } = object.metadata;
  return options.api.request<KubeObject>({
    method: "PATCH",
    path: pathOf(options.kind, namespace, name, options.subresource),
    query: { fieldManager: options.manager, force: true },
    contentType: APPLY,
    body: object,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

export interface RemoveOptions {
  readonly api: ApiServer;
  readonly kind: ResourceKind;
  readonly namespace: string;
  readonly name: string;
  /** An object of the same name that was made meanwhile is left alone. */
  readonly uid: string;
}

/** Removes an object and, in the background, what it owns. @throws ApiError (404 when it is gone), ConnectionError */
export async function remove({ api, kind, namespace, name, uid }: RemoveOptions): Promise<void> {
  await api.request({
    method: "DELETE",
    path: pathOf(kind, namespace, name),
    body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", preconditions: { uid } },
  });
}

/**
 * Whether an object of this name exists, whoever made it. By the right to list: no right to get is needed.
 *
 * @throws ApiError, ConnectionError
 */
export async function exists(api: ApiServer, kind: ResourceKind, namespace: string, name: string): Promise<boolean> {
  const { items } = await api.request<{ readonly items?: readonly unknown[] }>({
    method: "GET",
    path: pathOf(kind, namespace),
    query: { fieldSelector: `metadata.name=${name}` },
    accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  });
  return (items ?? []).length > 0;
}
