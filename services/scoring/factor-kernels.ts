/** The compiled kernels, and the memory that they work in. */
import { KERNELS } from "./kernels.generated.ts";

/** Factors of a vector are a multiple of this. */
export const FACTOR_BLOCK = 16;

const PAGE_BYTES = 65_536;
/** What the kernels are compiled for: 2 GiB. */
const MAXIMUM_PAGES = 32_768;

/** Byte addresses and counts throughout; services/scoring/wasm/kernels.ts says what each does. */
export interface Kernels {
  scratchBytes(entries: number): number;
  gramian(matrix: number, from: number, to: number, factors: number, into: number): void;
  solve(
    from: number,
    to: number,
    factors: number,
    sweeps: number,
    starts: number,
    columns: number,
    weights: number,
    ridges: number,
    own: number,
    other: number,
    gram: number,
    unobserved: number,
    scratch: number,
  ): void;
  product(
    left: number,
    apart: number,
    step: number,
    right: number,
    rows: number,
    count: number,
    factors: number,
    into: number,
  ): void;
  scores(vectors: number, other: number, from: number, to: number, factors: number, into: number, apart: number): void;
  screen(
    asked: number,
    panels: number,
    rests: number,
    names: number,
    from: number,
    to: number,
    factors: number,
    into: number,
    apart: number,
  ): void;
  chosenProducts(vector: number, other: number, factors: number, rows: number, count: number, into: number): void;
  products(vector: number, other: number, from: number, to: number, factors: number, into: number): void;
}

/** More memory is asked for than the kernels can address. */
export class FactorMemoryError extends Error {
  override readonly name = "FactorMemoryError";
  readonly code = "factor_memory";
}

/** Memory that threads share, given out piece by piece. */
export class FactorMemory {
  readonly memory: WebAssembly.Memory;
  #used = 64;

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true });
  }

  /**
   * A piece at a multiple of 64: zeros, or after `release` what was left in it.
   *
   * @returns its address
   * @throws FactorMemoryError beyond 2 GiB in all
   */
  take(bytes: number): number {
    const address = this.#used;
    const end = address + Math.ceil(bytes / 64) * 64;
    const missing = Math.ceil(end / PAGE_BYTES) - this.memory.buffer.byteLength / PAGE_BYTES;
    if (end > MAXIMUM_PAGES * PAGE_BYTES) {
      throw new FactorMemoryError(
        `factors and interactions need ${(end / 2 ** 30).toFixed(1)} GiB, there are 2: take fewer factors, or a shorter lookbackDays`,
      );
    }
    if (missing > 0) this.memory.grow(missing);
    this.#used = end;
    return address;
  }

  /** Where the next piece will be: for `release`. */
  mark(): number {
    return this.#used;
  }

  /** Takes back all that was given out since the mark. */
  release(mark: number): void {
    this.#used = mark;
  }

  ints(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }
}

let compiled: WebAssembly.Module | undefined;

/** @param memory as FactorMemory makes it */
export function factorKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNELS, "base64"));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return exports as unknown as Kernels;
}
