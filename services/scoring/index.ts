/** How a model scores items: the same code when it is judged and when it is served. */
export { type PastSession, type SessionIndex, sessionIndex } from "./session-index.ts";
export { type SessionParameters, SessionScorer } from "./session-neighbours.ts";
export { TopList } from "./top-list.ts";
