import { createWriteStream } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { openClickHouse } from "../clickhouse/index.ts";
import {
  createShop,
  FORMATS,
  type FormatName,
  itemLine,
  type LineFormat,
  type ShopEvent,
  type SimulatedShop,
  userLine,
  writeUciParquet,
} from "../simulation/index.ts";
import { wholeNumberFrom } from "./options.ts";
import { CommandError } from "./resource.ts";
import { type ShopCommandOptions, withShopOptions } from "./shop-options.ts";
import { sendVisitors } from "./visitors.ts";

const LINES_PER_WRITE = 500;
const BAR_STEP = 1_000;
const DAY = 86_400_000;
const DEFAULT_HISTORY_DAYS = 14;
const DEFAULT_EVENTS_PER_SECOND = 5;

interface SimulateOptions extends ShopCommandOptions {
  readonly events: number;
  readonly format: FormatName;
  readonly out: string;
  readonly catalogue?: string;
  readonly users?: string;
  readonly json?: true;
  readonly url?: string;
  readonly historyDays: number;
  readonly eventsPerSecond: number;
}

/** What was written; times in milliseconds since 1970. */
interface Summary {
  events: number;
  firstAt: number;
  lastAt: number;
}

export function simulateCommand(): Command {
  return withShopOptions(new Command("simulate"))
    .description("Write the activity of a simulated shop; the same options give the same bytes")
    .option("--events <number>", "events to write", wholeNumberFrom(1), 10_000)
    .addOption(new Option("--format <name>", "format of the file").choices(Object.keys(FORMATS)).default("seed"))
    .option("--out <file>", "where to write, - for standard output (not with uci)", "-")
    .option("--catalogue <file>", "also write the items of the last day, as JSON lines")
    .option("--users <file>", "also write the registered shoppers, as JSON lines")
    .option("--json", "print a summary as JSON (with --out FILE)")
    .option("--url <address>", "send to this collector instead, catalogue and past days first, until Ctrl-C")
    .option("--history-days <number>", "with --url: past days", wholeNumberFrom(1), DEFAULT_HISTORY_DAYS)
    .option(
      ...(["--events-per-second <number>", "with --url: events from now on", wholeNumberFrom(1)] as const),
      DEFAULT_EVENTS_PER_SECOND,
    )
    .addHelpText("after", HELP)
    .action(async (options: SimulateOptions, command: Command) => {
      const fault = conflict(options);
      if (fault !== null) command.error(`error: ${fault}`);
      if (options.url === undefined) await simulate(options);
      else await visit(options, options.url);
    });
}

const HELP = `
Formats:
  seed          JSON lines of the topics clicks and checkouts in one file (a line with checkout_id is a checkout)
  segment       Segment track calls as JSON lines; the lines of an order are one Order Completed
  retailrocket  CSV: timestamp_s,user,event,item
  uci           Parquet with the columns of UCI Online Retail; orders and refunds alone
  otto          JSON lines of the OTTO data set, a session a line
Events that a format cannot say are left out and not counted.

Examples:
  $ productmatcher simulate --events 100000 --out activity.jsonl --catalogue items.jsonl
  $ productmatcher simulate --events 1000000 --format segment --seed 7 --start 2025-03-01 --out march.jsonl
  $ productmatcher simulate --events 20 --format retailrocket
  $ productmatcher simulate --url http://127.0.0.1:8080 --events-per-second 20

Exit code: 0 written, 1 an option is at fault, 2 a file cannot be written.
`;

function conflict({ format, out, json, url }: SimulateOptions): string | null {
  if (url !== undefined && !URL.canParse(url)) return `--url is the address of a collector, http://...; got ${url}`;
  if (out !== "-") return null;
  if (format === "uci") return "uci is a Parquet file: name it with --out FILE";
  return json === true ? "--json needs standard output for the summary: write the events to --out FILE" : null;
}

async function simulate(options: SimulateOptions): Promise<void> {
  const { seed, items, shoppers, start, format, events } = options;
  await checkWritable([options.out, options.catalogue, options.users]);
  const shop = createShop({ seed, items, shoppers, start });
  const bar = process.stderr.isTTY
    ? new SingleBar({
        format: "{bar} {percentage}% | {value}/{total} events | {eta_formatted}",
        stream: process.stderr,
      })
    : null;
  const summary: Summary = { events: 0, firstAt: start, lastAt: start };
  bar?.start(events, 0);
  try {
    const lines = FORMATS[format].lines(counted(accepted(shop, FORMATS[format], events), summary, bar));
    if (format === "uci") await writeParquet(lines, resolve(options.out));
    else await writeLines(lines, options.out);
  } finally {
    bar?.update(summary.events);
    bar?.stop();
  }
  if (options.catalogue !== undefined)
    await writeFile(options.catalogue, text(shop.catalogue(summary.lastAt), itemLine));
  if (options.users !== undefined) await writeFile(options.users, text(shop.users(), userLine));
  report(options, summary);
}

async function visit({ seed, items, shoppers, start, ...options }: SimulateOptions, url: string): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const { historyDays, eventsPerSecond } = options;
  const shop = createShop({ seed, items, shoppers, start });
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  await sendVisitors({ shop, url, historyDays, eventsPerSecond, now: Date.now, say }, stopping.signal);
}

/** Before anything is made, since the catalogue is written last. @throws CommandError */
async function checkWritable(paths: readonly (string | undefined)[]): Promise<void> {
  for (const path of paths) {
    if (path === undefined || path === "-") continue;
    try {
      await (await open(path, "a")).close();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new CommandError(`${path} cannot be written: ${code === "ENOENT" ? "no such folder" : message}`, 2);
    }
  }
}

function* accepted(shop: SimulatedShop, format: LineFormat, count: number): Generator<ShopEvent> {
  let left = count;
  for (const event of shop.events()) {
    if (!format.accepts(event)) continue;
    yield event;
    left -= 1;
    if (left === 0) return;
  }
}

function* counted(events: Iterable<ShopEvent>, summary: Summary, bar: SingleBar | null): Generator<ShopEvent> {
  for (const event of events) {
    if (summary.events === 0) summary.firstAt = event.occurredAt;
    summary.events += 1;
    summary.lastAt = event.occurredAt;
    if (summary.events % BAR_STEP === 0) bar?.update(summary.events);
    yield event;
  }
}

async function writeLines(lines: Iterable<string>, out: string): Promise<void> {
  const stream: Writable = out === "-" ? process.stdout : createWriteStream(out);
  try {
    await pipeline(Readable.from(chunks(lines)), stream, { end: out !== "-" });
  } catch (error) {
    // The reader has seen enough (`| head`).
    if (out !== "-" || (error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

function* chunks(lines: Iterable<string>): Generator<string> {
  let chunk: string[] = [];
  for (const line of lines) {
    chunk.push(line);
    if (chunk.length < LINES_PER_WRITE) continue;
    yield `${chunk.join("\n")}\n`;
    chunk = [];
  }
  if (chunk.length > 0) yield `${chunk.join("\n")}\n`;
}

async function writeParquet(lines: Iterable<string>, out: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "productmatcher-simulate-"));
  try {
    const rows = join(folder, "rows.jsonl");
    await writeLines(lines, rows);
    const clickhouse = await openClickHouse({ kind: "embedded", path: join(folder, "engine") }, "simulate");
    try {
      await writeUciParquet(clickhouse, rows, out);
    } finally {
      await clickhouse.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function text<T>(entries: readonly T[], line: (entry: T) => string): string {
  return entries.map((entry) => `${line(entry)}\n`).join("");
}

function report({ format, out, json }: SimulateOptions, { events, firstAt, lastAt }: Summary): void {
  const first = new Date(firstAt).toISOString();
  const last = new Date(lastAt).toISOString();
  if (json === true) process.stdout.write(`${JSON.stringify({ events, format, out, first, last })}\n`);
  else
    process.stderr.write(`${events} events (${format}) from ${first} to ${last}${out === "-" ? "" : ` in ${out}`}\n`);
  if (lastAt > Date.now() + DAY) {
    process.stderr.write(
      "warning: a pipeline refuses events more than a day ahead of its clock: begin with an earlier --start\n",
    );
  }
}
