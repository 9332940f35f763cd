export { type Answer, send } from "./answer.ts";
export { jsonBody, methodNotAllowed, notFound, problemHandler } from "./middleware.ts";
export { type Operations, operations, type Readiness } from "./operations.ts";
export { PROBLEM_TYPES, type Problem, type ProblemError, type ProblemType, problem, problemAnswer } from "./problem.ts";
export { ListenError, type ListenErrorCode, type RunningServer, type ServerOptions, startServer } from "./server.ts";
