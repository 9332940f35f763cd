import fc from "fast-check";
import { expect, test } from "vitest";
import { faultOf, hexDump, readable } from "./letters.ts";

const bytes = (text: string) => Buffer.from(text);

test("JSON is shown with line breaks, other text as it is", () => {
  expect(readable(bytes('{"a":1}'))).toEqual({ kind: "text", text: '{\n  "a": 1\n}', isJson: true });
  expect(readable(bytes('{"a": '))).toEqual({ kind: "text", text: '{"a": ', isJson: false });
});

test("what JavaScript cannot hold stays as it is: numbers, escapes, repeated keys and their order", () => {
  const text = String.raw`{"id":12345678901234567890,"2":30.0,"1":1e400,"1":-0,"caf\u00e9":"a \" : {b}"}`;
  expect(readable(bytes(text))).toEqual({
    ...{ kind: "text", isJson: true },
    text: String.raw`{
  "id": 12345678901234567890,
  "2": 30.0,
  "1": 1e400,
  "1": -0,
  "caf\u00e9": "a \" : {b}"
}`,
  });
});

test("line breaks are where JSON.stringify puts them", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const shown = readable(bytes(JSON.stringify({ value })));
      // Control characters are escaped in JSON; so it is text, whatever it holds.
      expect(shown).toEqual({ kind: "text", text: JSON.stringify({ value }, null, 2), isJson: true });
    }),
  );
});

test("a record that is nested deeply, or would become very long, is shown as it is", () => {
  const nested = (depth: number, inside = "") => "[".repeat(depth) + inside + "]".repeat(depth);
  const shown = (text: string) => readable(bytes(text));
  expect(shown(nested(32))).toMatchObject({ text: JSON.stringify(JSON.parse(nested(32)), null, 2) });
  for (const text of [nested(33), nested(130_000), nested(31, Array(100_000).fill(1).join(","))]) {
    expect(shown(text)).toEqual({ kind: "text", text, isJson: true });
  }
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
