import { gzipSync, zstdCompressSync } from "node:zlib";
import kafkajs from "kafkajs";
import { describe, expect, it } from "vitest";
import { registerCodecs } from "./codecs.ts";

registerCodecs();

function codec(name: "gzip" | "zstd") {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  return CompressionCodecs[CompressionTypes[name === "gzip" ? "GZIP" : "ZSTD"]]() as {
    compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
    decompress(compressed: Buffer): Promise<Buffer>;
  };
}

const text = (bytes: number) => Buffer.from("a view of a lamp, ".repeat(Math.ceil(bytes / 18)).slice(0, bytes));

describe.each(["gzip", "zstd"] as const)("%s", (name) => {
  it.each([0, 1, 16_383, 16_384, 16_385, 1_000_000, 5_000_000])("gives back %i bytes", async (bytes) => {
    const { compress, decompress } = codec(name);
    expect((await decompress(await compress({ buffer: text(bytes) }))).equals(text(bytes))).toBe(true);
  });

  it("reads what hardly shrinks and what shrinks to nothing", async () => {
    const { compress, decompress } = codec(name);
    const noise = Buffer.from(Uint32Array.from({ length: 50_000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1)).buffer);
    for (const buffer of [noise, Buffer.alloc(3_000_000)]) {
      expect((await decompress(await compress({ buffer }))).equals(buffer)).toBe(true);
    }
  });

  it("refuses what is cut off, and what is no such thing", async () => {
    const whole = (name === "gzip" ? gzipSync : zstdCompressSync)(text(1_000));
    for (const bad of [whole.subarray(0, 20), Buffer.from("plain")]) {
      await expect(codec(name).decompress(bad)).rejects.toThrow();
    }
  });
});

describe("gzip", () => {
  it("reads members one after the other, whatever the last one says of its length", async () => {
    const members = [gzipSync(text(100_000)), gzipSync("z")];
    expect(String(await codec("gzip").decompress(Buffer.concat(members)))).toBe(`${text(100_000)}z`);
  });
});
