/**
 * Which partition a key belongs to: FNV-1a over the UTF-16 code units, finished with MurmurHash3's fmix32 because the
 * low bits of FNV-1a depend on the low bits of the characters alone. Stable: a change would tear keys apart.
 */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions;
}
