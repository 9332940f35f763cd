import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startWorkQueue, type WorkQueueOptions } from "./work-queue.ts";

/** Work that a test finishes by hand. */
function handWork() {
  const begun: string[] = [];
  const open = new Map<string, PromiseWithResolvers<number | null>>();
  return {
    begun,
    finish: (key: string, next: number | null = null) => open.get(key)?.resolve(next),
    fail: (key: string) => open.get(key)?.reject(new Error(`${key} failed`)),
    work(key: string) {
      begun.push(key);
      const entry = Promise.withResolvers<number | null>();
      open.set(key, entry);
      return entry.promise;
    },
  };
}

function queueOf(options: Partial<WorkQueueOptions> & Pick<WorkQueueOptions, "work">) {
  const failures: [string, number, number][] = [];
  const queue = startWorkQueue({
    workers: 2,
    onFailure: (key, _error, count, wait) => failures.push([key, count, wait]),
    now: () => performance.now(),
    random: () => 1,
    backoff: { firstMilliseconds: 1, maxMilliseconds: 8 },
    ...options,
  });
  onTestFinished(() => queue.stop());
  return { queue, failures };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("several keys are worked on at a time, one key never twice at a time, and no addition is lost", async () => {
  const hand = handWork();
  const { queue } = queueOf({ work: hand.work });
  for (const key of ["a", "a", "b", "c", "a"]) queue.add(key);
  expect(hand.begun).toEqual(["a", "b"]);
  expect(queue.depth).toBe(1);
  queue.add("a");
  hand.finish("a");
  await settled();
  // c came first; a, added while it was in work, comes once more.
  expect(hand.begun).toEqual(["a", "b", "c"]);
  hand.finish("b");
  await settled();
  expect(hand.begun).toEqual(["a", "b", "c", "a"]);
  hand.finish("a");
  hand.finish("c");
  await settled();
  expect(hand.begun.length).toBe(4);
});

test("a key that always fails waits longer each time, and the others do not wait for it", async () => {
  const worked: string[] = [];
  const { queue, failures } = queueOf({
    workers: 1,
    work: async (key) => {
      worked.push(key);
      if (key === "bad") throw new Error("always");
      return null;
    },
  });
  queue.add("bad");
  for (let n = 0; n < 50; n += 1) queue.add(`good-${n}`);
  while (failures.length < 6) await sleep(2);
  expect(failures.map(([, , wait]) => wait)).toEqual([1, 2, 4, 8, 8, 8]);
  expect(new Set(worked).size).toBe(51);
});

test("tries that changes bring count too, and make nobody wait for more than half a minute", async () => {
  const waits: number[] = [];
  const queue = startWorkQueue({
    workers: 1,
    work: () => Promise.reject(new Error("always")),
    onFailure: (_key, _error, _failures, wait) => waits.push(wait),
    now: () => performance.now(),
    random: () => 1,
  });
  onTestFinished(() => queue.stop());
  for (let change = 0; change < 20; change += 1) {
    queue.add("shop");
    await settled();
  }
  expect(waits.length).toBe(20);
  expect(Math.max(...waits)).toBe(30_000);
});

test("a success makes the next failure the first again", async () => {
  let calls = 0;
  const { queue, failures } = queueOf({
    work: async () => {
      calls += 1;
      if (calls === 3) return 1;
      if (calls > 4) return null;
      throw new Error("no");
    },
  });
  queue.add("key");
  while (calls < 5) await sleep(2);
  expect(failures.map(([, count]) => count)).toEqual([1, 2, 1]);
});

test("of several later looks the soonest holds, and an addition replaces it", async () => {
  const hand = handWork();
  const { queue } = queueOf({ work: hand.work });
  queue.addAfter("key", 60_000);
  queue.addAfter("key", 5);
  queue.addAfter("key", 120_000);
  while (hand.begun.length === 0) await sleep(2);
  hand.finish("key", 60_000);
  await settled();
  queue.add("key");
  expect(hand.begun).toEqual(["key", "key"]);
  hand.finish("key");
});

test("stopping waits for what is in work and takes nothing more", async () => {
  const hand = handWork();
  const { queue } = queueOf({ workers: 1, work: hand.work });
  queue.add("a");
  queue.add("b");
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  await settled();
  expect(stopped).toBe(false);
  hand.finish("a", 1);
  await stopping;
  await sleep(5);
  expect(hand.begun).toEqual(["a"]);
});
