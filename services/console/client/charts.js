/** Charts by uPlot, in the colours of the page, by day and by night. */

const EVERY_MILLISECONDS = 2_000;
const READ_MILLISECONDS = 10_000;
const PALETTE = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"];

/**
 * @typedef {{ at: number, events: number, answers: number, freshnessMilliseconds: number | null, latencyMilliseconds: number | null }} Sample
 * @typedef {"rate" | "time" | "quality"} Kind
 * @typedef {{ label: string, unit: string, digits: number, read: (sample: Sample) => number | null }} Line
 */

/** @type {Record<string, Line[]>} */
const LINES = {
  throughput: [
    { label: "Events", unit: "/s", digits: 1, read: ({ events }) => events },
    { label: "Answers", unit: "/s", digits: 1, read: ({ answers }) => answers },
  ],
  speed: [
    { label: "Freshness", unit: " ms", digits: 0, read: ({ freshnessMilliseconds }) => freshnessMilliseconds },
    { label: "Latency p99", unit: " ms", digits: 2, read: ({ latencyMilliseconds }) => latencyMilliseconds },
  ],
};

export function drawCharts() {
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (!(element instanceof HTMLElement)) continue;
    const { chart = "", points } = element.dataset;
    if (points !== undefined) drawQuality(element, JSON.parse(points));
    else if (LINES[chart] !== undefined) void drawLive(element, LINES[chart], chart === "speed" ? "time" : "rate");
  }
}

/**
 * @param {HTMLElement} element
 * @param {Line[]} lines
 * @param {Kind} kind
 */
async function drawLive(element, lines, kind) {
  const read = async () => {
    const response = await fetch("/console/live.json", { signal: AbortSignal.timeout(READ_MILLISECONDS) });
    /** @type {{ samples: Sample[] }} */
    const { samples } = await response.json();
    return samples;
  };
  /** @param {Sample[]} samples @returns {uPlot.AlignedData} */
  const dataOf = (samples) => [
    samples.map(({ at }) => at),
    ...lines.map((line) => samples.map((sample) => line.read(sample))),
  ];
  let samples = await read().catch(() => []);
  /** @type {uPlot | null} */
  let plot = null;
  const draw = () => {
    if (samples.length < 2) return;
    plot?.destroy();
    plot = plotIn(element, dataOf(samples), lines.map(seriesOf), { kind });
  };
  draw();
  redrawn(element, draw);
  setInterval(async () => {
    if (document.hidden) return;
    samples = await read().catch(() => samples);
    if (plot === null) draw();
    else plot.setData(dataOf(samples));
  }, EVERY_MILLISECONDS);
}

/** @param {Line} line @param {number} place @returns {uPlot.Series} */
function seriesOf({ label, unit, digits }, place) {
  return {
    label,
    stroke: colour(PALETTE[place] ?? "--chart-1"),
    width: 2,
    ...(place === 0 ? { fill: colour("--chart-fill") } : {}),
    points: { show: false },
    spanGaps: true,
    value: (_plot, value) => (value === null || value === undefined ? "–" : value.toFixed(digits) + unit),
  };
}

/**
 * A point for each version, a colour for each algorithm.
 *
 * @param {HTMLElement} element
 * @param {{ at: number, algorithm: string, value: number }[]} points
 */
function drawQuality(element, points) {
  const algorithms = [...new Set(points.map(({ algorithm }) => algorithm))];
  const times = [...new Set(points.map(({ at }) => at))].sort((a, b) => a - b);
  /** @type {uPlot.AlignedData} */
  const data = [
    times,
    ...algorithms.map((algorithm) =>
      times.map((at) => points.find((point) => point.at === at && point.algorithm === algorithm)?.value ?? null),
    ),
  ];
  /** @type {uPlot | null} */
  let plot = null;
  const draw = () => {
    plot?.destroy();
    const series = algorithms.map((label, place) => {
      const stroke = colour(PALETTE[place % PALETTE.length] ?? "--chart-1");
      /** @type {uPlot.Series} */
      const line = {
        ...{ label, stroke, width: 1.5, spanGaps: true },
        points: { show: true, size: 8, fill: stroke },
        value: (_plot, value) => (value === null || value === undefined ? "–" : value.toFixed(4)),
      };
      return line;
    });
    plot = plotIn(element, data, series, { kind: "quality" });
  };
  draw();
  redrawn(element, draw);
}

/**
 * @param {HTMLElement} element
 * @param {uPlot.AlignedData} data
 * @param {uPlot.Series[]} series
 * @param {{ kind: Kind }} options
 */
function plotIn(element, data, series, { kind }) {
  element.replaceChildren();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return new uPlot(
    {
      width: element.clientWidth,
      // A legend of more lines than one makes the box higher.
      height: Number.parseFloat(getComputedStyle(element).minHeight) - 34,
      series: [{ label: "Time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...series],
      axes: [
        { ...axis, values: (_plot, times) => times.map(clock(kind)), space: kind === "quality" ? 110 : 80 },
        {
          ...axis,
          size: 58,
          values: (_plot, values) => values.map((value) => (value === null ? "" : unitOf(kind, value))),
        },
      ],
      scales: {
        ...(kind === "quality" ? { x: { range: (_plot, from, to) => timesOf(from, to) } } : {}),
        // Milliseconds of an answer and seconds of a delay are both seen on a logarithmic scale alone.
        y:
          kind === "time"
            ? {
                distr: 3,
                range: (_plot, low, high) => [powerOfTen(low ?? 1, Math.floor), powerOfTen(high ?? 10, Math.ceil)],
              }
            : { range: (_plot, low, high) => (kind === "rate" ? [0, (high || 1) * 1.1] : roomAround(low, high)) },
      },
      cursor: { y: false },
      padding: [10, 30, 0, 0],
    },
    data,
    element,
  );
}

/** @param {Kind} kind @returns {(seconds: number) => string} */
function clock(kind) {
  const time = new Intl.DateTimeFormat("en-GB", {
    ...(kind === "quality" ? { day: "numeric", month: "short" } : { second: "2-digit" }),
    ...{ hour: "2-digit", minute: "2-digit" },
  });
  return (seconds) => time.format(seconds * 1_000);
}

/** @param {Kind} kind @param {number} value */
function unitOf(kind, value) {
  if (kind === "quality") return value.toFixed(2);
  if (kind === "rate") return value >= 10_000 ? `${value / 1_000} k/s` : `${value}/s`;
  // Of a logarithmic scale the powers of ten are enough.
  if (!Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6)) return "";
  return value >= 1_000 ? `${value / 1_000} s` : `${value} ms`;
}

/** At least ten minutes. @param {number} from @param {number} to @returns {[number, number]} */
function timesOf(from, to) {
  const room = Math.max((to - from) * 0.05, (600 - (to - from)) / 2);
  return [from - room, to + room];
}

/** @param {number} value @param {(value: number) => number} round */
function powerOfTen(value, round) {
  return 10 ** round(Math.log10(Math.max(value, 0.01)));
}

/** @param {number | null} low @param {number | null} high @returns {[number, number]} */
function roomAround(low, high) {
  const [from, to] = [low ?? 0, high ?? 1];
  const room = (to - from) * 0.15 || Math.abs(to) * 0.1 || 1;
  return [Math.max(0, from - room), to + room];
}

/**
 * Again when the page gets another width, or night falls.
 *
 * @param {HTMLElement} element
 * @param {() => void} draw
 */
function redrawn(element, draw) {
  let width = element.clientWidth;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    draw();
  }).observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

/** @param {string} name */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
