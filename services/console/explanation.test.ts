import { expect, test } from "vitest";
import { type AnsweredItem, answerSummary, readAnswer, reasonOf } from "./explanation.ts";

const NOW = 1_000_000;
const history = [
  { event: "add_to_cart", item: "pot", occurredAt: NOW - 60_000, quantity: 1 },
  { event: "view", item: "pot", occurredAt: NOW - 90_000, quantity: 1 },
];
const entry = (type: string, because?: string): AnsweredItem => ({
  item: "cup",
  score: 1,
  reason: { type, ...(because === undefined ? {} : { because }) },
});

test("an item goes with another one, and the last that the user did with that is told", () => {
  expect(reasonOf(entry("similar", "pot"), history, NOW)).toEqual({
    text: "Goes with",
    because: "pot",
    when: "added to the cart 60 s ago",
  });
  expect(reasonOf(entry("session", "pan"), history, NOW)).toMatchObject({ because: "pan", when: "" });
});

test("where no single item counts, the kind of reason is told; a kind of a later release by its name", () => {
  expect(reasonOf(entry("popular"), history, NOW)).toEqual({
    text: "Popular in the whole shop",
    because: null,
    when: "",
  });
  expect(reasonOf(entry("weather"), history, NOW).text).toBe("weather");
});

test("the list says whether it is the user's own", () => {
  const own = readAnswer(
    '{"user":"4","model":{"hybrid":"v1"},"items":[{"item":"a","score":1,"reason":{"type":"personal"}}]}',
  );
  expect(answerSummary(own)).toBe("Computed from this user's own history by hybrid.");
  expect(answerSummary({ ...own, fallback: "popular" })).toContain("what is popular");
  expect(answerSummary({ ...own, items: [] })).toContain("nothing to recommend");
  expect(() => readAnswer('{"type":"about:blank"}')).toThrow();
});
