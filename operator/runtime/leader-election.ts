/**
 * One of several replicas works at a time: the one that holds a Lease and renews it. Times of the holder's clock are
 * never compared with ours: a lease counts as lost when we have seen no renewal for its duration by our own clock.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, isNotFound } from "./api-error.ts";
import type { ApiServer } from "./api-server.ts";
import { apiVersionOf, type ObjectMeta, pathOf, type ResourceKind } from "./kinds.ts";

export const LEASE: ResourceKind = { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases" };

export interface LeaderElectionOptions {
  readonly api: ApiServer;
  readonly namespace: string;
  readonly name: string;
  /** Of this process: no two may have the same. */
  readonly identity: string;
  /** How long a silent holder is waited for. Default 10 s. */
  readonly leaseMilliseconds?: number;
  /** How long the holder tries to renew before it gives up; below the lease. Default 7 s. */
  readonly renewDeadlineMilliseconds?: number;
  /** Default 2 s. */
  readonly retryMilliseconds?: number;
  readonly onTrouble: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic: () => number;
}

export interface LeaderElection {
  /** Resolves when this process leads. */
  readonly elected: Promise<void>;
  /** Resolves when it led and does not any more: the process must write nothing, and end. */
  readonly lost: Promise<void>;
  /** False from the moment that another may lead, whether or not this process has noticed by then. */
  readonly isLeader: () => boolean;
  /** Gives the lease back, so that another need not wait for its end. */
  stop(): Promise<void>;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease {
  readonly metadata: ObjectMeta;
  readonly spec?: LeaseSpec;
}

export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { api, namespace, name, identity, now, monotonic } = options;
  const leaseMilliseconds = options.leaseMilliseconds ?? 10_000;
  const renewDeadline = options.renewDeadlineMilliseconds ?? 7_000;
  const retry = options.retryMilliseconds ?? 2_000;
  const stopping = new AbortController();
  const { signal } = stopping;
  const elected = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  /** What was last seen, and when by our own clock. */
  let seen: { readonly version: string | undefined; readonly at: number } | null = null;
  /** Before which our renewals began; `null` while another leads. */
  let leadsUntil: number | null = null;

  const isLeader = () => leadsUntil !== null && monotonic() < leadsUntil;

  const write = async (lease: Lease | null): Promise<void> => {
    const began = monotonic();
    const mine = lease?.spec?.holderIdentity === identity;
    const time = microTime(now());
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMilliseconds / 1000),
      acquireTime: mine ? (lease?.spec?.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (mine || lease === null ? 0 : 1),
    };
    const metadata = lease?.metadata ?? { name, namespace };
    const body = { apiVersion: apiVersionOf(LEASE), kind: LEASE.kind, metadata, spec };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(renewDeadline)]);
    if (lease === null) await api.request({ method: "POST", path: pathOf(LEASE, namespace), body, signal: limit });
    else await api.request({ method: "PUT", path: pathOf(LEASE, namespace, name), body, signal: limit });
    // From before the write: the others count from when they see it.
    leadsUntil = began + renewDeadline;
  };

  const read = async (): Promise<Lease | null> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(renewDeadline)]);
    try {
      return await api.request<Lease>({ method: "GET", path: pathOf(LEASE, namespace, name), signal: limit });
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  };

  /** Takes the lease when it is free, ours, or its holder has been silent for its duration. */
  const attempt = async (): Promise<void> => {
    const lease = await read();
    const version = lease?.metadata.resourceVersion;
    if (lease !== null && seen?.version !== version) seen = { version, at: monotonic() };
    const holder = lease?.spec?.holderIdentity ?? "";
    const duration = (lease?.spec?.leaseDurationSeconds ?? 0) * 1000;
    const silent = seen !== null && monotonic() - seen.at > duration;
    if (lease !== null && holder !== "" && holder !== identity && !silent) {
      // Somebody took it from us: nothing of ours may follow.
      leadsUntil = null;
      return;
    }
    await write(lease);
  };

  const run = async () => {
    while (!signal.aborted) {
      const led = leadsUntil !== null;
      try {
        await attempt();
      } catch (error) {
        if (signal.aborted) return;
        // Another replica wrote it a moment earlier.
        const beaten = error instanceof ApiError && error.code === 409;
        if (!beaten) options.onTrouble(error);
      }
      if (isLeader()) elected.resolve();
      else if (led) {
        leadsUntil = null;
        lost.resolve();
        return;
      }
      await sleep(retry, undefined, { signal }).catch(() => {});
    }
  };

  const running = run();
  running.catch((error) => elected.reject(error));
  elected.promise.catch(() => {});
  return {
    elected: elected.promise,
    lost: lost.promise,
    isLeader,
    async stop() {
      stopping.abort();
      await running;
      if (!isLeader()) return;
      leadsUntil = null;
      await release(options);
    },
  };
}

async function release({ api, namespace, name, identity, onTrouble, now }: LeaderElectionOptions): Promise<void> {
  const path = pathOf(LEASE, namespace, name);
  try {
    const lease = await api.request<Lease>({ method: "GET", path });
    if (lease.spec?.holderIdentity !== identity) return;
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now()) };
    await api.request({ method: "PUT", path, body: { ...lease, spec } });
  } catch (error) {
    onTrouble(error);
  }
}

/** RFC 3339 with six digits of the second, as Lease and Event want it. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/(\.\d{3})Z$/, "$1000Z");
}
