import { expect, test } from "vitest";
import { pipelineResource, planFor } from "../../test/fixtures/pipelines.ts";
import type { KubeObject } from "../runtime/index.ts";
import { prefixTaken } from "./rivals.ts";

/** @param prefix `undefined`: that of namespace and name */
function resource(name: string, prefix: string | undefined, created: number, servers = ["kafka:9092"]): KubeObject {
  const made = pipelineResource({}, name, "shops");
  const kafka = { bootstrapServers: servers, ...(prefix === undefined ? {} : { prefix }) };
  const metadata = { ...made.metadata, uid: `uid-${name}`, creationTimestamp: `2026-01-0${created}T00:00:00Z` };
  return { ...made, metadata, spec: { ...(made.spec as object), collector: {}, source: { kafka } } };
}

const verdict = (one: KubeObject, ...others: KubeObject[]) =>
  prefixTaken(planFor(one).pipeline, one, () => [one, ...others])?.message ?? null;

test("a prefix is that of whom it is named after, else of the older one; other brokers are another matter", () => {
  const named = resource("shop", undefined, 3);
  const thief = resource("thief", "shops.shop", 1);
  expect(verdict(named, thief)).toBeNull();
  expect(verdict(thief, named)).toContain("shops.shop is the prefix of the pipeline shops/shop on the same brokers");
  expect(verdict(resource("thief", "shops.shop", 1, ["other:9092"]), named)).toBeNull();

  const [older, younger] = [resource("a", "retail", 1), resource("b", "retail", 2)];
  expect(verdict(older, younger)).toBeNull();
  expect(verdict(younger, older)).toContain("the pipeline shops/a");
  expect(verdict(resource("c", "wholesale", 2), older, named)).toBeNull();
});
