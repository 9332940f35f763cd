import type { Layout } from "../layout.ts";

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Each may be run again, and by two at once: CREATE ... IF NOT EXISTS and the like. */
  statements(layout: Layout): string[];
}
