import { expect, it } from "vitest";
import { killWhileAppending } from "../../../test/activity-log/kill.ts";

it("what was acknowledged survives kill -9", async () => {
  expect(await killWhileAppending(3, Math.random)).toBeGreaterThan(0);
});
