import { expect, onTestFinished, test } from "vitest";
import { kubeconfigOf } from "../../test/api-server/control-plane.ts";
import { startProxy } from "../../test/api-server/proxy.ts";
import {
  connect,
  describeApiServer,
  eventually,
  get,
  mergePatch,
  newNamespace,
  plane,
} from "../../test/api-server/suite.ts";
import type { ApiServer } from "./api-server.ts";
import { LEASE, type LeaderElectionOptions, startLeaderElection } from "./leader-election.ts";

/** A fifth of the times of production. */
const TIMES = { leaseMilliseconds: 2_000, renewDeadlineMilliseconds: 1_400, retryMilliseconds: 200 };

async function candidates() {
  const namespace = await newNamespace();
  return (identity: string, api: ApiServer = connect(), more: Partial<LeaderElectionOptions> = {}) => {
    const election = startLeaderElection({
      api,
      namespace,
      name: "operator",
      identity,
      onTrouble: () => {},
      now: Date.now,
      monotonic: () => performance.now(),
      ...TIMES,
      ...more,
    });
    onTestFinished(() => election.stop());
    return Object.assign(election, { namespace });
  };
}

describeApiServer("of two replicas", () => {
  test("one leads; when it stops in good order, the other does at once", async () => {
    const candidate = await candidates();
    const first = candidate("first");
    await first.elected;
    const second = candidate("second");
    const lease = await get(connect(), LEASE, first.namespace, "operator");
    expect(lease.spec).toMatchObject({ holderIdentity: "first", leaseDurationSeconds: 2 });
    expect([first.isLeader(), second.isLeader()]).toEqual([true, false]);
    await first.stop();
    await second.elected;
    expect([first.isLeader(), second.isLeader()]).toEqual([false, true]);
    const after = await get(connect(), LEASE, first.namespace, "operator");
    expect(after.spec).toMatchObject({ holderIdentity: "second", leaseTransitions: 1 });
  });

  test("a leader that is cut off stops leading before the other begins", async () => {
    const candidate = await candidates();
    const proxy = await startProxy(plane());
    onTestFinished(() => proxy.close());
    const first = candidate("first", connect({ kubeconfig: kubeconfigOf(plane(), "admin", proxy.address) }));
    await first.elected;
    const second = candidate("second");
    let both = 0;
    const watch = setInterval(() => {
      if (first.isLeader() && second.isLeader()) both += 1;
    }, 5);
    onTestFinished(() => clearInterval(watch));
    proxy.refuse = () => "cut";
    await second.elected;
    await first.lost;
    expect(first.isLeader()).toBe(false);
    expect(both).toBe(0);
  });

  test("a holder whose clock is an hour late keeps its lease while it renews", async () => {
    const candidate = await candidates();
    const late = candidate("late", connect(), { now: () => Date.now() - 3_600_000 });
    await late.elected;
    const other = candidate("other");
    const seen = new Set<string | undefined>();
    await eventually(
      async () => {
        const { spec } = await get(connect(), LEASE, late.namespace, "operator");
        return seen.add((spec as { readonly renewTime?: string }).renewTime).size;
      },
      (renewals) => renewals > 12,
    );
    expect([late.isLeader(), other.isLeader()]).toEqual([true, false]);
  });

  test("who finds its lease taken stops leading", async () => {
    const candidate = await candidates();
    const first = candidate("first");
    await first.elected;
    await mergePatch(connect(), LEASE, first.namespace, "operator", { spec: { holderIdentity: "thief" } });
    await first.lost;
    expect(first.isLeader()).toBe(false);
  });
});
