import fc from "fast-check";
import { expect, test } from "vitest";
import { readLastWords } from "../role-report/index.ts";
import { fitted } from "./termination.ts";

test("last words fit into 4,096 bytes whatever characters they have; what does not fit is cut off the message", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 0, max: 60 }), (text, times) => {
      const message = text.repeat(times);
      const said = fitted({ reason: "Unreachable", message });
      expect(Buffer.byteLength(said)).toBeLessThanOrEqual(4_096);
      const { reason, message: kept = "" } = readLastWords(said);
      expect(reason).toBe("Unreachable");
      expect(message.startsWith(kept)).toBe(true);
      if (message.length <= 600) expect(kept).toBe(message);
    }),
  );
  expect(JSON.parse(fitted({ schemaVersion: 10 }))).toEqual({ schemaVersion: 10 });
  expect(JSON.parse(fitted({ reason: "Failed", message: "short" }))).toEqual({ reason: "Failed", message: "short" });
});
