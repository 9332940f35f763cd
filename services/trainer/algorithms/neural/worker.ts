/** One of the threads that train the towers. A task writes what no other task writes, so that sums have one order. */
import { rankTask } from "../vector-model/rank-task.ts";
import { type Seat, serveTasks } from "../vector-model/seat.ts";
import { PLACES } from "./histories.ts";
import type { NeuralJob } from "./job.ts";

type Of<Kind extends NeuralJob["kind"]> = Extract<NeuralJob, { kind: Kind }>;

serveTasks<NeuralJob>((seat, job, from, to) => {
  if (job.kind === "rank") rankTask(seat, job, from, to);
  else if (job.kind === "forward") forward(seat, job, from, to);
  else if (job.kind === "candidates") candidates(seat, job, from, to);
  else inputs(seat, job, from, to);
});

function forward({ memory, kernels }: Seat, job: Of<"forward">, from: number, to: number): void {
  const { batch, towers, factors, candidateCount } = job;
  const ints = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  for (let actor = from; actor < to; actor += 1) gather(ints, floats, job, actor);
  for (let actor = from; actor < to; actor += 4) {
    const vectors = batch.actors + actor * factors * 4;
    kernels.scores(
      ...([vectors, batch.candidates, 0, candidateCount, factors, batch.logits + actor * batch.apart] as const),
      batch.apart,
    );
  }
  for (let actor = from; actor < to; actor += 1) softmax(ints, floats, job, actor);
  const rows = (to - from + 3) & ~3;
  const gradients = batch.actorGradients + from * factors * 4;
  const logits = batch.logits + from * batch.apart;
  kernels.product(logits, batch.apart, 4, batch.candidates, rows, candidateCount, factors, gradients);
  for (let actor = from; actor < to; actor += 1) {
    const vector = (batch.actors >> 2) + actor * factors;
    const gradient = (batch.actorGradients >> 2) + actor * factors;
    throughLength(floats, vector, floats[(batch.actorLengths >> 2) + actor] as number, gradient, factors);
    placeGradient(ints, floats, job, towers.items >> 2, actor);
  }
}

/** The mean of the vectors of what the actor touched, by weight and place. */
function gather(
  ints: Int32Array,
  floats: Float32Array,
  { batch, towers, factors }: Of<"forward">,
  actor: number,
): void {
  const starts = (batch.inputStarts >> 2) + actor;
  const [start, end] = [ints[starts] as number, ints[starts + 1] as number];
  const shares = batch.shares >> 2;
  let sum = 0;
  for (let entry = start; entry < end; entry += 1) {
    const place = ints[(batch.inputPlaces >> 2) + entry] as number;
    const share =
      (floats[(batch.inputWeights >> 2) + entry] as number) * Math.exp(floats[(towers.places >> 2) + place] as number);
    floats[shares + entry] = share;
    sum += share;
  }
  const vector = (batch.actors >> 2) + actor * factors;
  floats.fill(0, vector, vector + factors);
  for (let entry = start; entry < end; entry += 1) {
    const share = (floats[shares + entry] as number) / sum;
    floats[shares + entry] = share;
    const input = (towers.items >> 2) + (ints[(batch.inputItems >> 2) + entry] as number) * factors;
    for (let k = 0; k < factors; k += 1) {
      floats[vector + k] = (floats[vector + k] as number) + share * (floats[input + k] as number);
    }
  }
  floats[(batch.actorLengths >> 2) + actor] = toUnit(floats, vector, factors);
}

/** Scales to length 1. @returns the length it had */
function toUnit(floats: Float32Array, vector: number, factors: number): number {
  let square = 1e-12;
  for (let k = 0; k < factors; k += 1) square += (floats[vector + k] as number) ** 2;
  const length = Math.sqrt(square);
  for (let k = 0; k < factors; k += 1) floats[vector + k] = (floats[vector + k] as number) / length;
  return length;
}

/** From products to the loss and its gradient by the products. */
function softmax(
  ints: Int32Array,
  floats: Float32Array,
  { batch, candidateCount, actorCount, temperature }: Of<"forward">,
  actor: number,
): void {
  const row = (batch.logits + actor * batch.apart) >> 2;
  const corrections = batch.corrections >> 2;
  const ignoredStarts = (batch.ignoredStarts >> 2) + actor;
  for (let at = ints[ignoredStarts] as number; at < (ints[ignoredStarts + 1] as number); at += 1) {
    floats[row + (ints[(batch.ignoredSlots >> 2) + at] as number)] = Number.NEGATIVE_INFINITY;
  }
  let largest = Number.NEGATIVE_INFINITY;
  for (let slot = 0; slot < candidateCount; slot += 1) {
    const logit = (floats[row + slot] as number) / temperature - (floats[corrections + slot] as number);
    floats[row + slot] = logit;
    if (logit > largest) largest = logit;
  }
  const targetStarts = (batch.targetStarts >> 2) + actor;
  const [start, end] = [ints[targetStarts] as number, ints[targetStarts + 1] as number];
  let right = 0;
  for (let at = start; at < end; at += 1)
    right += floats[row + (ints[(batch.targetSlots >> 2) + at] as number)] as number;
  let sum = 0;
  for (let slot = 0; slot < candidateCount; slot += 1) {
    const power = Math.exp((floats[row + slot] as number) - largest);
    floats[row + slot] = power;
    sum += power;
  }
  // Actors count by the root of what they are to guess.
  const weight = Math.sqrt(end - start) / actorCount;
  floats[(batch.losses >> 2) + actor] = weight * (largest + Math.log(sum) - right / (end - start));
  const scale = weight / temperature;
  for (let slot = 0; slot < candidateCount; slot += 1)
    floats[row + slot] = ((floats[row + slot] as number) / sum) * scale;
  for (let at = start; at < end; at += 1) {
    const place = row + (ints[(batch.targetSlots >> 2) + at] as number);
    floats[place] = (floats[place] as number) - scale / (end - start);
  }
}

/** From the gradient by a unit vector to that by the vector whose length was taken away. */
function throughLength(floats: Float32Array, unit: number, length: number, gradient: number, factors: number): void {
  let along = 0;
  for (let k = 0; k < factors; k += 1) along += (floats[unit + k] as number) * (floats[gradient + k] as number);
  for (let k = 0; k < factors; k += 1) {
    floats[gradient + k] = ((floats[gradient + k] as number) - along * (floats[unit + k] as number)) / length;
  }
}

function placeGradient(
  ints: Int32Array,
  floats: Float32Array,
  { batch, factors }: Of<"forward">,
  inputs: number,
  actor: number,
): void {
  const into = (batch.placeGradients >> 2) + actor * PLACES;
  floats.fill(0, into, into + PLACES);
  const starts = (batch.inputStarts >> 2) + actor;
  const gradient = (batch.actorGradients >> 2) + actor * factors;
  for (let entry = ints[starts] as number; entry < (ints[starts + 1] as number); entry += 1) {
    const input = inputs + (ints[(batch.inputItems >> 2) + entry] as number) * factors;
    // The gradient is orthogonal to the vector, so that what the share takes from the others adds nothing.
    let product = 0;
    for (let k = 0; k < factors; k += 1) product += (floats[gradient + k] as number) * (floats[input + k] as number);
    const place = into + (ints[(batch.inputPlaces >> 2) + entry] as number);
    floats[place] = (floats[place] as number) + (floats[(batch.shares >> 2) + entry] as number) * product;
  }
}

function candidates({ memory, kernels }: Seat, job: Of<"candidates">, from: number, to: number): void {
  const { batch, towers, factors, actorCount, rate } = job;
  const ints = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  const into = batch.candidateGradients + from * factors * 4;
  const rows = (to - from + 3) & ~3;
  kernels.product(batch.logits + from * 4, 4, batch.apart, batch.actors, rows, actorCount, factors, into);
  for (let slot = from; slot < to; slot += 1) {
    const gradient = (batch.candidateGradients >> 2) + slot * factors;
    const item = ints[(batch.candidateItems >> 2) + slot] as number;
    descend(floats, (towers.items >> 2) + item * factors, (towers.squares >> 2) + item, gradient, factors, rate);
  }
}

function inputs({ memory }: Seat, job: Of<"inputs">, from: number, to: number): void {
  const { batch, towers, factors, rate } = job;
  const ints = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  for (let row = from; row < to; row += 1) {
    const gradient = (batch.rowGradients >> 2) + row * factors;
    floats.fill(0, gradient, gradient + factors);
    const starts = (batch.rowStarts >> 2) + row;
    for (let at = ints[starts] as number; at < (ints[starts + 1] as number); at += 1) {
      const entry = ints[(batch.rowEntries >> 2) + at] as number;
      const share = floats[(batch.shares >> 2) + entry] as number;
      const actor = (batch.actorGradients >> 2) + (ints[(batch.inputActors >> 2) + entry] as number) * factors;
      for (let k = 0; k < factors; k += 1) {
        floats[gradient + k] = (floats[gradient + k] as number) + share * (floats[actor + k] as number);
      }
    }
    const item = ints[(batch.rowItems >> 2) + row] as number;
    descend(floats, (towers.items >> 2) + item * factors, (towers.squares >> 2) + item, gradient, factors, rate);
  }
}

/** A step of AdaGrad with one sum of squares a row. */
function descend(floats: Float32Array, row: number, squares: number, gradient: number, factors: number, rate: number) {
  let square = 0;
  for (let k = 0; k < factors; k += 1) square += (floats[gradient + k] as number) ** 2;
  const sum = (floats[squares] as number) + square / factors;
  floats[squares] = sum;
  if (sum === 0) return;
  const step = rate / Math.sqrt(sum);
  for (let k = 0; k < factors; k += 1)
    floats[row + k] = (floats[row + k] as number) - step * (floats[gradient + k] as number);
}
