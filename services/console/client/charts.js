/** Charts by uPlot, in the colours of the page, by day and by night. */

const EVERY_MILLISECONDS = 2_000;
const PALETTE = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"];

/**
 * @typedef {{ at: number, events: number, answers: number, freshnessMilliseconds: number | null, latencyMilliseconds: number | null }} Sample
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
    else if (LINES[chart] !== undefined) void drawLive(element, LINES[chart]);
  }
}

/**
 * @param {HTMLElement} element
 * @param {Line[]} lines
 */
async function drawLive(element, lines) {
  const read = async () => {
    const response = await fetch("/console/live.json");
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
    plot = plotIn(element, dataOf(samples), lines.map(seriesOf), { minimum: 0 });
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
    plot = plotIn(element, data, series, { lonely: times.length === 1 });
  };
  draw();
  redrawn(element, draw);
}

/**
 * @param {HTMLElement} element
 * @param {uPlot.AlignedData} data
 * @param {uPlot.Series[]} series
 * @param {{ minimum?: number, lonely?: boolean }} scale
 */
function plotIn(element, data, series, { minimum, lonely = false }) {
  element.replaceChildren();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const [first = 0] = data[0];
  return new uPlot(
    {
      width: element.clientWidth,
      height: Math.max(120, element.clientHeight - 34),
      series: [{ label: "Time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...series],
      axes: [axis, { ...axis, size: 56 }],
      scales: {
        ...(lonely ? { x: { range: () => [first - 1_800, first + 1_800] } } : {}),
        y: { range: (_plot, low, high) => rangeOf(low, high, minimum) },
      },
      cursor: { y: false },
      padding: [10, 12, 0, 0],
    },
    data,
    element,
  );
}

/**
 * @param {number | null} low
 * @param {number | null} high
 * @param {number | undefined} minimum
 * @returns {[number, number]}
 */
function rangeOf(low, high, minimum) {
  const [from, to] = [minimum ?? low ?? 0, high ?? 1];
  const room = (to - from) * 0.1 || Math.abs(to) * 0.1 || 1;
  return [minimum ?? from - room, to + room];
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
