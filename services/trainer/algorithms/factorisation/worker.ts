/** One of the threads that factorise. */
import { gramianTask } from "../vector-model/gramian.ts";
import { rankTask } from "../vector-model/rank-task.ts";
import { serveTasks } from "../vector-model/seat.ts";
import type { FactorisationJob } from "./job.ts";

serveTasks<FactorisationJob>((seat, job, from, to) => {
  const { kernels, scratch, scratchBytes } = seat;
  if (job.kind === "rank") {
    rankTask(seat, job, from, to);
  } else if (job.kind === "gramian") {
    gramianTask(seat, job, from, to);
  } else {
    const { factors, sweeps, starts, columns, weights, ridges, own, other, gram, unobserved } = job;
    if (kernels.scratchBytes(job.longest) > scratchBytes) throw new RangeError(`a row has ${job.longest} entries`);
    kernels.solve(
      ...([from, to, factors, sweeps, starts, columns, weights, ridges, own, other, gram, unobserved] as const),
      scratch,
    );
  }
});
