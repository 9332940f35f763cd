/** The yardstick of the language: a product of dense matrices as anybody would write it, in Float32. */

const SIZE = 512;
const ROUNDS = 5;

/** @returns operations a second on one thread, the best of some rounds */
export function denseLoop(): number {
  const left = Float32Array.from({ length: SIZE * SIZE }, (_, at) => Math.sin(at));
  const right = Float32Array.from({ length: SIZE * SIZE }, (_, at) => Math.cos(at));
  const product = new Float32Array(SIZE * SIZE);
  let best = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    multiply(left, right, product);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, (2 * SIZE ** 3 * 1e6) / (user + system));
  }
  return best;
}

function multiply(left: Float32Array, right: Float32Array, product: Float32Array): void {
  product.fill(0);
  for (let row = 0; row < SIZE; row += 1) {
    for (let k = 0; k < SIZE; k += 1) {
      const factor = left[row * SIZE + k] as number;
      for (let column = 0; column < SIZE; column += 1) {
        const at = row * SIZE + column;
        product[at] = (product[at] as number) + factor * (right[k * SIZE + column] as number);
      }
    }
  }
}
