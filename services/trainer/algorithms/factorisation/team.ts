/** Threads that share one memory and divide jobs among them. What a task computes does not depend on who does it. */
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { FactorMemory } from "../../../scoring/index.ts";

/** Addresses in the shared memory, but for counts. */
export type Job = { readonly rows: number; readonly rowsPerTask: number; readonly factors: number } & (
  | {
      /** Of each task's rows F the product F'F: its upper triangle, a square of factors x factors for each task. */
      readonly kind: "gramian";
      readonly matrix: number;
      readonly partials: number;
    }
  | {
      /** As the kernel `solve` does. */
      readonly kind: "solve";
      readonly sweeps: number;
      readonly starts: number;
      readonly columns: number;
      readonly weights: number;
      readonly longest: number;
      readonly ridges: number;
      readonly own: number;
      readonly other: number;
      readonly gram: number;
      readonly unobserved: number;
    }
  | {
      /**
       * The best rows of `other` for each of `vectors` (of which there are up to three more than rows, of any content):
       * `length` numbers each, -1 where there are no more with a score above 0.
       */
      readonly kind: "rank";
      readonly vectors: number;
      readonly other: number;
      readonly otherRows: number;
      readonly maskedStarts: number;
      readonly maskedItems: number;
      readonly length: number;
      readonly ranked: number;
      readonly scores: number;
    }
);

export interface WorkerSeat {
  readonly memory: WebAssembly.Memory;
  readonly counter: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** More threads than this gain little: the memory is shared. */
const MOST_THREADS = 16;

export class Team {
  readonly #memory: FactorMemory;
  readonly #counter: number;
  readonly #seats: Seat[];

  /** @param scratchBytes that each thread has for itself */
  constructor(
    memory: FactorMemory,
    scratchBytes: number,
    threads: number = Math.min(MOST_THREADS, availableParallelism()),
  ) {
    this.#memory = memory;
    this.#counter = memory.take(64);
    this.#seats = Array.from({ length: threads }, () =>
      takeSeat({ memory: memory.memory, counter: this.#counter, scratch: memory.take(scratchBytes), scratchBytes }),
    );
  }

  /** One job at a time. @throws whatever a thread fails with, and from then on always */
  async run(job: Job): Promise<void> {
    Atomics.store(this.#memory.ints(this.#counter, 1), 0, 0);
    await Promise.all(this.#seats.map(({ run }) => run(job)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map(({ worker }) => worker.terminate()));
  }
}

interface Seat {
  readonly worker: Worker;
  readonly run: (job: Job) => Promise<void>;
}

function takeSeat(workerData: WorkerSeat): Seat {
  const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
    workerData,
    name: "factorisation",
    // Options of the process that concern its own program (--eval, --input-type) would refuse the thread's.
    execArgv: [],
  });
  let failure: Error | null = null;
  let underWay: PromiseWithResolvers<void> | null = null;
  const fail = (cause: Error) => {
    failure ??= cause;
    underWay?.reject(failure);
  };
  worker.on("message", () => underWay?.resolve());
  worker.on("error", fail);
  worker.on("exit", (code) => fail(new Error(`a thread of the factorisation ended with code ${code}`)));
  // A thread that waits for work keeps no process alive.
  worker.unref();
  return {
    worker,
    async run(job) {
      if (failure !== null) throw failure;
      underWay = Promise.withResolvers();
      worker.ref();
      worker.postMessage(job);
      try {
        await underWay.promise;
      } finally {
        worker.unref();
        underWay = null;
      }
    },
  };
}
