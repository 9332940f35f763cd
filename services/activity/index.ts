/** Activity: what it is, and how raw records of any topic become it. */

export * from "./event.ts";
export * from "./identity.ts";
export * from "./mapping/index.ts";
export * from "./segment.ts";
