import type { Problem } from "./problem.ts";

/** What a request is answered with in place of what it asked for. `problemHandler` sends it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: Problem;

  /** @param cause of a failure of the service's own, for its log */
  constructor(problem: Problem, cause?: unknown) {
    super(problem.detail, cause === undefined ? {} : { cause });
    this.problem = problem;
  }
}
