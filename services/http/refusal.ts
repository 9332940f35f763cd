import { PROBLEM_TYPES, type Problem } from "./problem.ts";

/** What a request is answered with in place of what it asked for. `problemHandler` sends it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: Problem;
  /** As Express and its error handlers read it. */
  readonly status: number;

  /** @param cause of a failure of the service's own, for its log */
  constructor(problem: Problem, cause?: unknown) {
    super(problem.detail, cause === undefined ? {} : { cause });
    this.problem = problem;
    this.status = PROBLEM_TYPES[problem.type].status;
  }
}
