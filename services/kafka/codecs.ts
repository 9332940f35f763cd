/**
 * The compression codecs of Kafka. kafkajs brings gzip alone and throws on the others, also when it reads.
 */
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import { compressFrame, decompressFrame } from "lz4-napi";
import { compress as compressSnappy, uncompress as uncompressSnappy } from "snappy";
import type { Compression } from "./options.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** What kafkajs calls for each batch of records. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
}

const zstd = promisify(zstdCompress);
const unzstd = promisify(zstdDecompress);

const ZSTD: Codec = {
  compress: ({ buffer }) => zstd(buffer),
  decompress: (compressed) => unzstd(compressed),
};

const LZ4: Codec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (compressed) => decompressFrame(compressed),
};

const SNAPPY: Codec = {
  compress: ({ buffer }) => compressSnappy(buffer),
  decompress: uncompressBlocks,
};

/** Frame of snappy-java, which Java clients and brokers write: magic, two versions, then blocks with their length. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

async function uncompressBlocks(compressed: Buffer): Promise<Buffer> {
  const framed = compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
  if (!framed) return uncompressBlock(compressed);
  const blocks: Promise<Buffer>[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length; ) {
    const end = at + 4 + compressed.readUInt32BE(at);
    blocks.push(uncompressBlock(compressed.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(await Promise.all(blocks));
}

async function uncompressBlock(block: Buffer): Promise<Buffer> {
  const plain = await uncompressSnappy(block, { asBuffer: true });
  return typeof plain === "string" ? Buffer.from(plain) : plain;
}

export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = () => SNAPPY;
  CompressionCodecs[CompressionTypes.LZ4] = () => LZ4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => ZSTD;
}

export const COMPRESSION_TYPES: Readonly<Record<Compression, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};
