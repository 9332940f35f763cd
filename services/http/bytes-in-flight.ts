/** Bytes that requests hold in memory until they are dealt with, bounded over all of them. */
export class BytesInFlight {
  readonly limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Another request, which holds nothing yet. */
  lease(): Lease {
    let held = 0;
    return {
      take: (bytes) => {
        if (this.#bytes + bytes > this.limit) return false;
        this.#bytes += bytes;
        held += bytes;
        return true;
      },
      release: () => {
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

export interface Lease {
  /** Takes further bytes; false, and nothing is taken, when they do not fit any more. */
  take(bytes: number): boolean;
  /** Gives back everything; a second time does nothing. */
  release(): void;
}
