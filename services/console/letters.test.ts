import { expect, test } from "vitest";
import { faultOf, hexDump, readable } from "./letters.ts";

const bytes = (text: string) => Buffer.from(text);

test("JSON is shown with line breaks, other text as it is", () => {
  expect(readable(bytes('{"a":1}'))).toEqual({ kind: "text", text: '{\n  "a": 1\n}', isJson: true });
  expect(readable(bytes('{"a": '))).toEqual({ kind: "text", text: '{"a": ', isJson: false });
});

test("numbers that JavaScript cannot hold stay as they are", () => {
  const text = '{"id":12345678901234567890}';
  expect(readable(bytes(text))).toEqual({ kind: "text", text, isJson: true });
});

test("what is no text is not edited, but shown", () => {
  expect(readable(Buffer.from([0xff, 0xfe]))).toMatchObject({ kind: "bytes" });
  expect(readable(Buffer.from([0, 0, 0, 5, 65]))).toMatchObject({ kind: "bytes" });
  expect(readable(Buffer.alloc(300_000, 32))).toMatchObject({
    kind: "bytes",
    reason: expect.stringContaining("too large"),
  });
  expect(hexDump(Buffer.from([0, 65, 66]))).toMatch(/^000000 {2}00 41 42 +\.AB$/);
});

test("what is no JSON is not sent", () => {
  expect(faultOf('{"a":1}')).toBeNull();
  expect(faultOf("  ")).toContain("nothing to send");
  expect(faultOf('{"a":')).toContain("not JSON yet");
});
