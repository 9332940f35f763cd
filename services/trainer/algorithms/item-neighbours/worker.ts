/** One of the threads that look for the directions of a low-pass filter. */
import { gramianTask } from "../vector-model/gramian.ts";
import { type Seat, serveTasks } from "../vector-model/seat.ts";
import type { LowPassJob } from "./job.ts";

serveTasks<LowPassJob>((seat, job, from, to) => {
  if (job.kind === "gramian") gramianTask(seat, job, from, to);
  else if (job.kind === "multiply") multiply(seat, job, from, to);
  else transform(seat, job, from, to);
});

function multiply({ memory }: Seat, job: LowPassJob & { kind: "multiply" }, from: number, to: number): void {
  const { factors, starts, columns, weights, other, into } = job;
  const { buffer } = memory;
  const startOf = new Int32Array(buffer, starts);
  const columnOf = new Int32Array(buffer, columns);
  // All of the memory: a view for each entry would cost as much as its products.
  const numbers = new Float32Array(buffer);
  const weightAt = weights / 4;
  for (let row = from; row < to; row += 1) {
    const sum = into / 4 + row * factors;
    numbers.fill(0, sum, sum + factors);
    for (let entry = startOf[row] as number; entry < (startOf[row + 1] as number); entry += 1) {
      const weight = numbers[weightAt + entry] as number;
      const vector = other / 4 + (columnOf[entry] as number) * factors;
      for (let at = 0; at < factors; at += 1) {
        numbers[sum + at] = (numbers[sum + at] as number) + weight * (numbers[vector + at] as number);
      }
    }
  }
}

function transform(seat: Seat, job: LowPassJob & { kind: "transform" }, from: number, to: number): void {
  const { factors, matrix, square } = job;
  const bytes = factors * 4;
  const rows = Math.ceil((to - from) / 4) * 4;
  const own = matrix + from * bytes;
  seat.kernels.product(own, bytes, 4, square, rows, factors, factors, seat.scratch);
  const product = new Float32Array(seat.memory.buffer, seat.scratch, (to - from) * factors);
  new Float32Array(seat.memory.buffer, own, product.length).set(product);
}
