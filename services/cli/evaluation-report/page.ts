/** An evaluation as one page that needs nothing beside itself. */
import { COHORTS, type EvaluationReport, METRIC_NAMES } from "../../trainer/index.ts";
import { count } from "../output.ts";
import { COHORT_NAMES, drawCharts, type Ranked } from "./charts.ts";

export interface ReportSubject {
  /** What was evaluated, such as the data set's folder. */
  readonly title: string;
  readonly report: EvaluationReport;
  /** Ascending; charts show the largest. */
  readonly cutoffs: readonly number[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

const STYLE = `
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --text: #1c2330; --quiet: #5a6474; --line: #dde1e7; --accent: #2456c8; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161d; --card: #1b212b; --text: #e6e9ee; --quiet: #9aa5b5; --line: #313a48; --accent: #7ea6ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1600px; padding: 20px 12px; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 8px; }
p { margin: 0 0 8px; color: var(--quiet); max-width: 80ch; overflow-wrap: anywhere; }
main { display: grid; gap: 12px; margin-top: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); align-items: start; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 12px; min-width: 0; }
section.wide { grid-column: 1 / -1; }
figure { margin: 0; }
figure svg { display: block; width: 100%; max-width: 480px; height: auto; margin: 0 auto; color: var(--text); overflow: visible; }
figcaption { color: var(--quiet); font-size: .875rem; margin-top: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
th { white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
thead th { border-top: 0; font-weight: 600; }
ul { margin: 0; padding-left: 20px; }
`;

const COHORT_CAPTIONS = {
  "new users": "At most two items before.",
  "light users": "Neither new nor heavy.",
  "heavy users": "The fifth with the longest histories.",
  "new items": "Only items that nobody had touched before count.",
} as const;

/** @returns HTML @throws Error where the optional dependencies are not installed */
export async function reportPage({ title, report, cutoffs, now }: ReportSubject): Promise<string> {
  const cutoff = cutoffs.at(-1) ?? 0;
  const value = (result: { readonly metrics: Readonly<Record<string, number>> }) =>
    result.metrics[`ndcg@${cutoff}`] ?? 0;
  const ranked: Ranked[] = report.results
    .toSorted((one, other) => value(other) - value(one))
    .map((result, place) => ({ ...result, rank: place + 1 }));
  const charts = await drawCharts(ranked, cutoff);
  const { train, test, protocol } = report;
  const lists = test.cases === test.users ? "" : `, ${count(test.cases)} lists`;
  const made = new Date(now).toISOString().slice(0, 16).replace("T", " ");
  const numbers = "Numbers are places on the leaderboard.";
  const sections = [
    chart("Leaderboard", charts.leaderboard, `NDCG at ${cutoff}, with the interval of 95 % (bootstrap over users).`),
    chart("Accuracy and coverage", charts.coverage, `Further right more of the catalogue is shown. ${numbers}`),
    chart("Accuracy and novelty", charts.novelty, `Further right what is listed is less known. ${numbers}`),
    chart("Time to fit", charts.fitTime, "From the loaded events to the model."),
    ...charts.cohorts.map(({ name, lists, chart: svg }) =>
      chart(capital(name), svg, `NDCG at ${cutoff} over ${count(lists)} lists. ${COHORT_CAPTIONS[name]}`),
    ),
    section("Metrics", metricsTable(ranked, cutoffs), true),
    section("Cohorts", cohortsTable(ranked, cutoff), true),
    ...(report.tuned.length === 0 ? [] : [section("Parameters found on the train part", tunedTable(report), true)]),
    ...(report.notices.length === 0
      ? []
      : [section("Notes", `<ul>${report.notices.map((notice) => `<li>${escaped(notice)}</li>`).join("")}</ul>`, true)]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}: evaluation</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p>Protocol ${protocol}: fitted on ${count(train.events)} events of ${count(train.users)} users and ${count(train.items)} items, judged on ${count(test.users)} users${lists}. ${made} UTC.</p>
<main>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function chart(heading: string, svg: string, caption: string): string {
  return section(heading, `<figure>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`, false);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function section(heading: string, content: string, wide: boolean): string {
  return `<section${wide ? ' class="wide"' : ""}><h2>${escaped(heading)}</h2>${content}</section>`;
}

function metricsTable(ranked: readonly Ranked[], cutoffs: readonly number[]): string {
  const columns = cutoffs
    .flatMap((cutoff) => METRIC_NAMES.map((name) => `${name}@${cutoff}`))
    .filter((column) => ranked.some(({ metrics }) => metrics[column] !== undefined));
  const rows = ranked.map(({ rank, algorithm, metrics, best, fitSeconds }) => [
    `${rank} ${algorithm}`,
    ...columns.map((column) => metrics[column]?.toFixed(4) ?? "-"),
    fitSeconds.toFixed(1),
    best ? "best" : "",
  ]);
  return table(["algorithm", ...columns, "fit seconds", ""], rows);
}

function cohortsTable(ranked: readonly Ranked[], cutoff: number): string {
  const columns = COHORTS.flatMap((cohort) =>
    ["recall", "ndcg"].map((name) => ({ cohort, metric: `${name}@${cutoff}` })),
  );
  const headings = columns.map(({ cohort, metric }) => `${COHORT_NAMES[cohort]}: ${metric}`);
  const rows = ranked.map(({ rank, algorithm, cohorts }) => [
    `${rank} ${algorithm}`,
    ...columns.map(
      ({ cohort, metric }) => cohorts.find((one) => one.cohort === cohort)?.metrics[metric]?.toFixed(4) ?? "-",
    ),
  ]);
  return table(["algorithm", ...headings], rows);
}

function tunedTable({ tuned }: EvaluationReport): string {
  const rows = tuned.map(({ algorithm, parameters, trials, score }) => [
    algorithm,
    String(trials.length),
    score?.toFixed(4) ?? "-",
    Object.entries(parameters)
      .map(([name, number]) => `${name} ${number}`)
      .join(", "),
  ]);
  return table(["algorithm", "trials", "score", "parameters"], rows);
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line("th", headings)}</thead><tbody>${rows.map((row) => line("td", row)).join("")}</tbody></table></div>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
