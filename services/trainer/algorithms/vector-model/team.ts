/** Threads that share one memory and divide jobs among them. What a task computes does not depend on who does it. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { FactorMemory } from "../../../scoring/index.ts";

/** What the tasks of a job have in common: rows are handed out `rowsPerTask` at a time. */
export interface Job {
  readonly rows: number;
  readonly rowsPerTask: number;
}

export interface WorkerSeat {
  readonly memory: WebAssembly.Memory;
  readonly counter: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** More threads than this gain little: the memory is shared. */
const MOST_THREADS = 16;

export class Team<Work extends Job> {
  readonly #memory: FactorMemory;
  readonly #counter: number;
  readonly #seats: Seat<Work>[];

  /** @param program module that calls `serveTasks` @param scratchBytes that each thread has for itself */
  constructor(
    program: URL,
    memory: FactorMemory,
    scratchBytes: number,
    threads: number = Math.min(MOST_THREADS, availableParallelism()),
  ) {
    this.#memory = memory;
    this.#counter = memory.take(64);
    this.#seats = Array.from({ length: threads }, () =>
      takeSeat<Work>(program, {
        memory: memory.memory,
        counter: this.#counter,
        scratch: memory.take(scratchBytes),
        scratchBytes,
      }),
    );
  }

  /** One job at a time. @throws whatever a thread fails with, and from then on always */
  async run(job: Work): Promise<void> {
    Atomics.store(this.#memory.ints(this.#counter, 1), 0, 0);
    await Promise.all(this.#seats.map(({ run }) => run(job)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#seats.map(({ worker }) => worker.terminate()));
  }
}

interface Seat<Work> {
  readonly worker: Worker;
  readonly run: (job: Work) => Promise<void>;
}

function takeSeat<Work>(program: URL, workerData: WorkerSeat): Seat<Work> {
  const worker = new Worker(program, {
    workerData,
    name: "training",
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
  worker.on("exit", (code) => fail(new Error(`a thread of the training ended with code ${code}`)));
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
