import { expect, it } from "vitest";
import { killWhileAppending } from "../../../test/activity-log/kill.ts";

it("what was acknowledged survives kill -9 at 25 random moments", async () => {
  expect(await killWhileAppending(25, Math.random)).toBeGreaterThan(25);
});
