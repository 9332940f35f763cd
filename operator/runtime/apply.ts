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
    // A field that the server would silently drop would look like a difference for ever.
    query: { fieldManager: options.manager, force: true, fieldValidation: "Strict" },
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
 * The object of this name, whoever made it, by its metadata alone; `null`: there is none. By the right to list: no right
 * to get is needed.
 *
 * @throws ApiError, ConnectionError
 */
export async function find(
  api: ApiServer,
  kind: ResourceKind,
  namespace: string,
  name: string,
): Promise<KubeObject | null> {
  const { items } = await api.request<{ readonly items?: readonly KubeObject[] }>({
    method: "GET",
    path: pathOf(kind, namespace),
    query: { fieldSelector: `metadata.name=${name}` },
    accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  });
  return items?.[0] ?? null;
}
