/** Pods as the API server tells of them. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly imageID: string }[];
  };
}

export function uids(list: readonly Pod[]): string[] {
  return list.map(({ metadata }) => metadata.uid).sort();
}

/** And not on its way out. */
export function isReady({ metadata, status }: Pod): boolean {
  const isTrue = status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  return isTrue && metadata.deletionTimestamp === undefined;
}

export function restartsOf(list: readonly Pod[]): number {
  return list
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
}

export function hasImage({ spec }: Pod, image: string): boolean {
  return spec.containers[0]?.image === image;
}

/** What the node runs: digests of images, each once. */
export function contentsOf(list: readonly Pod[]): string[] {
  return [...new Set(list.flatMap(({ status }) => (status.containerStatuses ?? []).map(({ imageID }) => imageID)))];
}
