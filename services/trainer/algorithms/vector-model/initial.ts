/** Where iterations begin. */

/** Small numbers around 0, by place and seed alone. */
export function initialise(values: Float32Array, factors: number, seed: number): void {
  const size = 0.1 / Math.sqrt(factors);
  for (let at = 0; at < values.length; at += 1) {
    // Three uniform numbers in -1 to 1 add up to a variance of 1.
    values[at] = size * (uniform(seed, at * 3) + uniform(seed, at * 3 + 1) + uniform(seed, at * 3 + 2));
  }
}

/** The finaliser of MurmurHash3 over a Weyl sequence. */
function uniform(seed: number, place: number): number {
  let hash = (Math.imul(place, 0x9e3779b1) + Math.imul(seed + 1, 0x85ebca6b)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 31 - 1;
}
