import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { reportSubject } from "../../../test/fixtures/evaluation.ts";
import { reportPage } from "./index.ts";

async function page(...more: Parameters<typeof reportSubject>) {
  const html = await reportPage(reportSubject(...more));
  return { html, document: parseHTML(html).document };
}

test("the page needs nothing beside itself and runs nothing", async () => {
  const { html, document } = await page();
  expect(document.querySelectorAll("script, link, img, iframe, object")).toHaveLength(0);
  expect(html).not.toMatch(/\b(src|href)=|url\(|@import|\bon\w+=/);
  expect(
    [...html.matchAll(/https?:\/\/[^"'\s]+/g)].map(([address]) => address).filter((a) => !a.includes("w3.org")),
  ).toEqual([]);
});

test("a chart for each question, the best first, with a mark for each algorithm", async () => {
  const { document } = await page();
  const headings = [...document.querySelectorAll("section:has(svg) h2")].map((heading) => heading.textContent);
  expect(headings).toEqual([
    "Leaderboard",
    "Accuracy and coverage",
    "Accuracy and novelty",
    "Time to fit",
    "New users",
    "Light users",
    "Heavy users",
  ]);
  const [leaderboard] = document.querySelectorAll("svg");
  expect(leaderboard!.querySelectorAll("circle")).toHaveLength(2);
  expect(leaderboard!.textContent).toMatch(/1 itemNeighbours.*2 popular/);
});

test("all figures are there as text", async () => {
  const { document } = await page();
  const rows = [...document.querySelectorAll("tbody tr")].map((row) =>
    [...row.querySelectorAll("td")].map((cell) => cell.textContent),
  );
  expect(rows).toContainEqual(expect.arrayContaining(["1 itemNeighbours", "0.2000", "best"]));
  expect(rows).toContainEqual(["itemNeighbours", "3", "0.1234", "alpha 0.5, power 0.7"]);
});

test("what comes from file names is text, never markup", async () => {
  const { document } = await page({ title: "<b>shop</b> & co", notices: ["<img src=x>: 3 rows were left out"] });
  expect(document.querySelector("h1")!.textContent).toBe("<b>shop</b> & co");
  expect(document.querySelector("h1 b, li img")).toBeNull();
});
