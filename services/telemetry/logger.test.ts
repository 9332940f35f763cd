import { describe, expect, test } from "vitest";
import { createLogger, errorLine } from "./index.ts";

class DiskFull extends Error {
  override readonly name = "DiskFull";
  readonly code = "disk_full";
}

describe("createLogger", () => {
  test("an error with a code is one short line: type, code, message; no stack, no causes", () => {
    const written: string[] = [];
    const logger = createLogger("warn", { write: (line: string) => void written.push(line) });
    logger.info("not asked for");
    const cause = new Error("the same again");
    logger.warn({ err: new DiskFull("no space left", { cause }), records: 3 }, "a batch could not be stored");
    expect(written.map((line) => JSON.parse(line))).toEqual([
      {
        level: 40,
        time: expect.any(Number),
        err: { type: "DiskFull", code: "disk_full", message: "no space left" },
        records: 3,
        msg: "a batch could not be stored",
      },
    ]);
  });

  test("an error that nobody foresaw keeps its own stack", () => {
    const error = new TypeError("x is not a function", { cause: new Error("cause") });
    expect(errorLine(error)).toEqual({ type: "TypeError", message: error.message, stack: error.stack });
  });

  test("takes whatever was thrown", () => {
    expect(errorLine("plain text")).toEqual({ type: "string", message: "plain text" });
    expect(errorLine(undefined)).toEqual({ type: "undefined", message: "undefined" });
  });
});
