/** The thread's side of a team: takes task after task of a job until none is left. */
import { parentPort, workerData } from "node:worker_threads";
import { factorKernels, type Kernels } from "../../../scoring/index.ts";
import type { Job, WorkerSeat } from "./team.ts";

export interface Seat extends WorkerSeat {
  readonly kernels: Kernels;
}

/** @param run one task: the rows `from` up to `to` of a job */
export function serveTasks<Work extends Job>(run: (seat: Seat, job: Work, from: number, to: number) => void): void {
  const given = workerData as WorkerSeat;
  const seat = { ...given, kernels: factorKernels(given.memory) };
  parentPort?.on("message", (job: Work) => {
    const next = new Int32Array(seat.memory.buffer, seat.counter, 1);
    for (;;) {
      const from = Atomics.add(next, 0, 1) * job.rowsPerTask;
      if (from >= job.rows) break;
      run(seat, job, from, Math.min(job.rows, from + job.rowsPerTask));
    }
    parentPort?.postMessage("done");
  });
}
