/** An answer of the API as a person reads it: what is recommended, and why. Pure. */
import { z } from "zod";
import { ago, deed } from "./format.ts";
import type { PastEvent } from "./ports.ts";

const answer = z.object({
  model: z.record(z.string(), z.string()),
  fallback: z.string().optional(),
  items: z.array(
    z.object({
      item: z.string(),
      score: z.number(),
      reason: z.object({ type: z.string(), because: z.string().optional() }),
      model: z.string().optional(),
    }),
  ),
});

export type Answered = z.output<typeof answer>;
export type AnsweredItem = Answered["items"][number];

/** @throws ZodError for what is no answer of ours */
export function readAnswer(body: string): Answered {
  return answer.parse(JSON.parse(body));
}

const problem = z.object({ detail: z.string() });

/** Why the API gives no answer. @throws ZodError for what is no problem of ours */
export function problemText(body: string): string {
  return problem.parse(JSON.parse(body)).detail;
}

export interface Reason {
  /** Before the item that it is because of, or alone. */
  readonly text: string;
  /** An item id; `null`: no single item. */
  readonly because: string | null;
  /** After it. */
  readonly when: string;
}

const OF_TYPE: Readonly<Record<string, string>> = {
  personal: "Fits what this user did as a whole",
  similar: "Goes with what this user did",
  session: "What past visits like this one went on with",
  popular: "Popular in the whole shop",
  trending: "Gaining interest right now",
  latest: "New in the shop",
};

/** @param history the newest first */
export function reasonOf({ reason }: AnsweredItem, history: readonly PastEvent[], now: number): Reason {
  const { type, because } = reason;
  if (because === undefined) return { text: OF_TYPE[type] ?? type, because: null, when: "" };
  const text = type === "session" ? "Past visits went on with this after" : "Goes with";
  const last = history.find(({ item }) => item === because);
  return { text, because, when: last === undefined ? "" : `${deed(last.event)} ${ago(last.occurredAt, now)}` };
}

const SOURCES: Readonly<Record<string, string>> = {
  personal: "Personal",
  similar: "Similar",
  session: "Visit",
  popular: "Popular",
  trending: "Trending",
  latest: "New",
};

export function sourceLabel(type: string): string {
  return SOURCES[type] ?? type;
}

/** One sentence on the whole list. */
export function answerSummary({ fallback, items, model }: Answered): string {
  if (items.length === 0) return "There is nothing to recommend: the shop has no items yet.";
  const [champion] = Object.keys(model);
  if (fallback === undefined) return `Computed from this user's own history${champion ? ` by ${champion}` : ""}.`;
  const instead = { popular: "what is popular", trending: "what is trending", latest: "what is new" }[fallback];
  return `Nothing is known of this user that a model could use: the answer is ${instead ?? `from ${fallback}`}.`;
}
