/**
 * The compression codecs of Kafka. kafkajs brings gzip alone, a slow one, and throws on the others, also when it reads.
 */
import { promisify } from "node:util";
import { gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
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

const zip = promisify(gzip);
const unzip = promisify(gunzip);
const zstd = promisify(zstdCompress);
const unzstd = promisify(zstdDecompress);

/** A third of the time of the default level, for a sixth more bytes. */
const GZIP_LEVEL = 1;

const GZIP: Codec = {
  compress: ({ buffer }) => zip(buffer, { level: GZIP_LEVEL }),
  decompress: (compressed) => unzip(compressed, { chunkSize: piece(gzipLength(compressed) + ROOM_TO_END) }),
};

const ZSTD: Codec = {
  compress: ({ buffer }) => zstd(buffer),
  decompress: (compressed) => unzstd(compressed, { chunkSize: piece(compressed.length * LIKELY_RATIO) }),
};

const LEAST_PIECE_BYTES = 16 * 1024;
const MOST_PIECE_BYTES = 4 * 1024 * 1024;
/** Without it zlib asks for another piece to see that nothing follows. */
const ROOM_TO_END = 1;
/** Of JSON of one shape. */
const LIKELY_RATIO = 8;
const GZIP_TRAILER_BYTES = 8;

/**
 * Room for the whole in one piece: each piece goes through the thread pool, and a fetch in Node's own pieces of 16 KiB
 * costs seven times as much. What was expected wrongly comes in more pieces.
 */
function piece(expectedBytes: number): number {
  return Math.min(Math.max(expectedBytes, LEAST_PIECE_BYTES), MOST_PIECE_BYTES);
}

/** As the sender says it at the end, modulo 2^32. */
function gzipLength(compressed: Buffer): number {
  return compressed.length < GZIP_TRAILER_BYTES ? 0 : compressed.readUInt32LE(compressed.length - 4);
}

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
  CompressionCodecs[CompressionTypes.GZIP] = () => GZIP;
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
