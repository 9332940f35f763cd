import type { LineFormat } from "./format.ts";
import { OTTO } from "./otto.ts";
import { RETAILROCKET } from "./retailrocket.ts";
import { SEED } from "./seed.ts";
import { SEGMENT } from "./segment.ts";
import { UCI_ROWS } from "./uci.ts";

export { itemLine, userLine } from "./entities.ts";
export type { LineFormat } from "./format.ts";
export { writeUciParquet } from "./uci.ts";

/** By the name that `simulate --format` and `replay --format` give them. `uci` needs writeUciParquet after its lines. */
export const FORMATS = {
  seed: SEED,
  segment: SEGMENT,
  retailrocket: RETAILROCKET,
  uci: UCI_ROWS,
  otto: OTTO,
} as const satisfies Readonly<Record<string, LineFormat>>;

export type FormatName = keyof typeof FORMATS;
