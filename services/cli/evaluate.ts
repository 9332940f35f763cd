import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { openClickHouse } from "../clickhouse/index.ts";
import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  COHORTS,
  createAlgorithms,
  DataSetError,
  type DataSetFiles,
  type EvaluationReport,
  evaluate,
  FILE_FORMATS,
  type FileFormat,
  findDataSet,
  type Holdout,
  type Lift,
  METRIC_NAMES,
  PROTOCOLS,
  type Protocol,
  REFERENCE_NEIGHBOURS,
  STATEMENT_BYTES,
  UnknownAlgorithmError,
} from "../trainer/index.ts";
import { reportPage } from "./evaluation-report/index.ts";
import { count, progressBar, table } from "./output.ts";
import { CommandError } from "./resource.ts";

const EXAMPLES = `
Examples:
  $ productmatcher evaluate --dataset data/gowalla-lightgcn
  $ productmatcher evaluate --dataset data/serenade-example --protocol session --at 5,20
  $ productmatcher evaluate --train train.csv --test test.csv --user customer --item sku
  $ productmatcher evaluate --data orders.parquet --holdout 7d --half-life 60 --weight purchase=10
  $ productmatcher evaluate --data ratings.csv --core 5 --holdout last
  $ productmatcher evaluate --data events.jsonl --time date --time-format "dd.MM.yyyy HH:mm"
  $ productmatcher evaluate --dataset data/serenade-example --parameter sessionNeighbours.lastItems=2
  $ productmatcher evaluate --dataset data/gowalla-lightgcn --json | jq '."ndcg@20"'
  $ productmatcher evaluate --dataset data/serenade-example --tune 30 --html report.html

Protocols:
  user     rank all items for each user of the test part; its items of the train part are left out;
           with --holdout last, its last item is what is looked for
  session  the next item after each beginning of a test session
  time     like user, for those known before the holdout: the last events of one file, or the test file

Exit code: 0 done, 1 the data or an option is at fault.
`;

interface Options {
  readonly dataset?: string;
  readonly train?: string;
  readonly test?: string;
  readonly data?: string;
  readonly holdout: Holdout;
  readonly core?: number;
  readonly format?: FileFormat;
  readonly user?: string;
  readonly session?: string;
  readonly item?: string;
  readonly time?: string;
  readonly timeFormat?: string;
  readonly event?: string;
  readonly quantity?: string;
  readonly itemName?: string;
  readonly itemCategory?: string;
  readonly itemBrand?: string;
  readonly price?: string;
  readonly device?: string;
  readonly country?: string;
  readonly protocol?: Protocol;
  readonly at: readonly number[];
  readonly algorithms: readonly string[];
  readonly halfLife?: number;
  readonly weight: Readonly<Record<string, number>>;
  readonly eventName: Readonly<Record<string, string>>;
  readonly parameter: AlgorithmParameters;
  readonly tune?: number;
  readonly cohorts?: true;
  readonly html?: string;
  readonly json?: true;
}

/** What a resource that says nothing trains with (`spec.training.weights`, `spec.training.halfLifeDays`). */
const WEIGHTS: Readonly<Record<string, number>> = { view: 1, click: 1, add_to_cart: 3, purchase: 8 };
const HALF_LIFE_DAYS = 30;

type AlgorithmParameters = Readonly<Record<string, Readonly<Record<string, number>>>>;

const COHORT_METRICS = ["recall", "ndcg", "mrr", "hitRate"];

/** Where figures are compared with those of papers, which cut nothing off. */
const PARAMETERS: AlgorithmParameters = { itemNeighbours: { neighbours: REFERENCE_NEIGHBOURS } };

/** `productmatcher evaluate`: how well each algorithm would have done on a data set. */
const QUICK = [...ALGORITHMS.keys()].filter((name) => name !== "neural");

export function evaluateCommand(): Command {
  return new Command("evaluate")
    .description("Train on one part of a data set, judge on the other, print the metrics of each algorithm")
    .option("--dataset <folder>", "folder with train.* and test.*, events.* and test.*, or one file")
    .option("--train <file>", "what is fitted on; with --test")
    .option("--test <file>", "what is held out; with --train")
    .option("--data <file>", "one file; --holdout says what of it is held out")
    .addOption(
      new Option(
        "--holdout <part>",
        "of one file: hours (36h), days (7d), a share (10%), or each user's last item (last)",
      )
        .argParser(parseHoldout)
        .default({ share: 0.1 }, "10%"),
    )
    .addOption(
      new Option(
        "--core <number>",
        "of one file: only users of so many items and items of so many users, counted again until all have them",
      ).argParser(parseCore),
    )
    .addOption(
      new Option("--format <name>", "format of the files; by their names and first lines when absent").choices(
        FILE_FORMATS,
      ),
    )
    .option("--user <column>", "who; usual names are found without it, as for the following columns")
    .option("--session <column>", "who, where there is no user")
    .option("--item <column>", "what")
    .option("--time <column>", "when")
    .option("--time-format <format>", "ISO8601, EpochSeconds, EpochMillis, EpochMicros, or a date pattern")
    .option("--event <column>", "which event: view, click, add_to_cart, purchase, refund, ...")
    .addOption(
      new Option("--event-name <theirs=ours>", "what an event is called here; may be given again")
        .argParser(collectName)
        .default({}, "as in the file"),
    )
    .option("--quantity <column>", "pieces; a negative number of purchases takes back")
    .option("--item-name <column>", "what an item is called; for content, as the following columns")
    .option("--item-category <column>", "what kind it is")
    .option("--item-brand <column>", "who makes it")
    .option("--price <column>", "of one piece")
    .option("--device <column>", "mobile, tablet or desktop; for hybrid, as the next")
    .option("--country <column>", "where a request came from")
    .addOption(new Option("--protocol <name>", "see below; by the files when absent").choices(PROTOCOLS))
    .addOption(
      new Option("--at <lengths>", "lengths of the lists that are judged: 10,20")
        .argParser(parseCutoffs)
        .default([20], "20"),
    )
    .addOption(
      new Option("--algorithms <names>", `of ${ALGORITHM_NAMES.join(",")}`)
        .argParser(parseNames)
        .default(QUICK, "all but neural, which takes minutes, and hybrid, which ranks the candidates of the others"),
    )
    .option(
      "--half-life <days>",
      `age at which an event counts half; 0: always the same (default: ${HALF_LIFE_DAYS}, with --holdout last 0)`,
      parseDays,
    )
    .addOption(
      new Option("--weight <event=number>", "what an event counts, 0 to 1000; may be given again")
        .argParser(collectWeight)
        .default(WEIGHTS, weightsText(WEIGHTS)),
    )
    .addOption(
      new Option("--parameter <algorithm.name=number>", "of an algorithm; may be given again")
        .argParser(collectParameter)
        .default(PARAMETERS, "as in training, but 1000 neighbours of an item"),
    )
    .addOption(
      new Option("--tune <trials>", "search parameters first, on a slice of the train part").argParser(parseTrials),
    )
    .option("--cohorts", "also for new, light and heavy users, and for new items")
    .option("--html <file>", "also a report with charts, one file")
    .option("--json", "one JSON object a line for each algorithm")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

function weightsText(weights: Readonly<Record<string, number>>): string {
  return Object.entries(weights)
    .map(([event, weight]) => `${event}=${weight}`)
    .join(" ");
}

async function run(options: Options): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "productmatcher-evaluate-"));
  const progress = progressBar("evaluate", "steps");
  try {
    const files = await filesOf(options);
    const algorithms = createAlgorithms(options.algorithms, options.parameter);
    const clickhouse = await openClickHouse({ kind: "embedded", path: folder }, "evaluation", {
      statementBytes: STATEMENT_BYTES,
    });
    try {
      const report = await evaluate(clickhouse, {
        files,
        ...(options.format === undefined ? {} : { format: options.format }),
        ...(options.protocol === undefined ? {} : { protocol: options.protocol }),
        reading: {
          fields: fieldsOf(options),
          ...(options.timeFormat === undefined ? {} : { timeFormat: options.timeFormat }),
          eventNames: options.eventName,
        },
        holdout: options.holdout,
        ...(options.core === undefined ? {} : { core: options.core }),
        algorithms,
        cutoffs: options.at,
        weights: options.weight,
        halfLifeDays: halfLifeOf(options),
        ...(options.tune === undefined ? {} : { tuning: tuningOf(options, options.tune) }),
        now: Date.now,
        onProgress: (done, total, step) => progress.update(Math.round(done * 10) / 10, total, step),
      });
      progress.stop();
      print(report, options);
      if (options.html !== undefined) {
        const subject = { title: titleOf(files), report, cutoffs: options.at, now: Date.now() };
        await writeFile(options.html, await reportPage(subject));
      }
    } finally {
      await clickhouse.close();
    }
  } catch (error) {
    if (error instanceof DataSetError || error instanceof UnknownAlgorithmError) throw new CommandError(error.message);
    throw error;
  } finally {
    progress.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function print(report: EvaluationReport, options: Options): void {
  for (const notice of report.notices) console.error(`note: ${notice}`);
  if (options.json) {
    const { users, cases } = report.test;
    for (const { algorithm, metrics, lift, interval, cohorts, fitSeconds } of report.results) {
      const found = report.tuned.find((one) => one.algorithm === algorithm);
      const tuned = found && { parameters: found.parameters, trials: found.trials.length, score: found.score };
      console.log(JSON.stringify({ algorithm, ...metrics, lift, interval, cohorts, tuned, fitSeconds, users, cases }));
    }
    return;
  }
  const { train, test, protocol } = report;
  const cases = test.cases === test.users ? "" : `, ${count(test.cases)} lists`;
  console.log(
    `Protocol ${protocol}: fitted on ${count(train.events)} events of ${count(train.users)} users and ${count(train.items)} items, judged on ${count(test.users)} users${cases}\n`,
  );
  for (const { algorithm, parameters, start, score, trials } of report.tuned) {
    const changed = Object.entries(parameters).filter(([name, value]) => value !== start[name]);
    const found =
      changed.length === 0 ? "nothing better" : changed.map(([name, value]) => `${name}=${value}`).join(" ");
    console.log(`${algorithm}, ${trials.length} trials on the train part: ${found} (ndcg ${score?.toFixed(4) ?? "-"})`);
  }
  if (report.tuned.length > 0) console.log();
  const columns = options.at
    .flatMap((cutoff) => METRIC_NAMES.map((name) => `${name}@${cutoff}`))
    .filter((column) => report.results.some(({ metrics }) => metrics[column] !== undefined));
  const against = `ndcg@${options.at.at(-1)} against the best`;
  console.log(
    table(
      ["algorithm", ...columns, against, "fit seconds"],
      report.results.map(({ algorithm, metrics, best, lift, fitSeconds }) => [
        algorithm,
        ...columns.map((column) => (metrics[column] ?? 0).toFixed(4).padStart(column.length)),
        (best ? "best" : liftText(lift)).padStart(against.length),
        fitSeconds.toFixed(1).padStart("fit seconds".length),
      ]),
    ),
  );
  if (options.cohorts) printCohorts(report, options.at);
}

function printCohorts({ results }: EvaluationReport, cutoffs: readonly number[]): void {
  const columns = cutoffs.flatMap((cutoff) => COHORT_METRICS.map((name) => `${name}@${cutoff}`));
  const rows = COHORTS.flatMap((name) =>
    results.flatMap(({ algorithm, cohorts }) =>
      cohorts
        .filter(({ cohort }) => cohort === name)
        .map(({ cohort, cases, metrics }) => [
          cohort,
          cases,
          algorithm,
          ...columns.map((column) => (metrics[column]?.toFixed(4) ?? "-").padStart(column.length)),
        ]),
    ),
  );
  console.log(`\n${table(["cohort", "lists", "algorithm", ...columns], rows)}`);
}

/** Such as `-3.1 % (-4.0 to -2.2)`: the interval of 95 %. */
function liftText(lift: Lift | null): string {
  if (lift === null) return "-";
  const [percent, low, high] = [lift.percent, lift.low, lift.high].map((value) => value.toFixed(1));
  return `${percent} % (${low} to ${high})`;
}

async function filesOf({ dataset, train, test, data }: Options): Promise<DataSetFiles> {
  const given = [dataset, data, train ?? test].filter((option) => option !== undefined).length;
  if (given !== 1) throw new CommandError("name one data set: --dataset, or --data, or --train with --test");
  if (dataset !== undefined) return findDataSet(resolve(dataset));
  if (data !== undefined) return { data: resolve(data) };
  if (train === undefined || test === undefined) throw new CommandError("--train and --test go together");
  return { train: resolve(train), test: resolve(test) };
}

function tuningOf({ algorithms, parameter }: Options, trials: number) {
  return {
    trials,
    tuned: (found: AlgorithmParameters) => createAlgorithms(algorithms, { ...parameter, ...found }),
  };
}

/** The folder of a split, the name of one file. */
function titleOf(files: DataSetFiles): string {
  return "data" in files ? basename(files.data) : basename(dirname(files.train));
}

function fieldsOf(options: Options) {
  const { user, session, item, time, event, quantity, itemName, itemCategory, itemBrand, price, device, country } =
    options;
  const named = { name: itemName, category: itemCategory, brand: itemBrand, price, device, country };
  return Object.fromEntries(
    Object.entries({ user, session, item, time, event, quantity, ...named }).filter(
      ([, column]) => column !== undefined,
    ),
  );
}

function parseHoldout(text: string): Holdout {
  if (text === "last") return text;
  const match = /^(\d+(?:\.\d+)?)(h|d|%)$/.exec(text);
  const number = Number(match?.[1]);
  if (match === null || number <= 0 || (match[2] === "%" && number >= 100)) {
    throw new InvalidArgumentError("write hours as 36h, days as 7d, a share as 10%, or last");
  }
  if (match[2] === "%") return { share: number / 100 };
  return { hours: match[2] === "d" ? number * 24 : number };
}

function parseCore(text: string): number {
  const core = Number(text);
  if (!Number.isInteger(core) || core < 2 || core > 1_000) {
    throw new InvalidArgumentError("write a whole number of 2 to 1000, such as 5");
  }
  return core;
}

function parseCutoffs(text: string): number[] {
  const cutoffs = text.split(",").map(Number);
  if (cutoffs.some((cutoff) => !Number.isInteger(cutoff) || cutoff < 1 || cutoff > 1_000)) {
    throw new InvalidArgumentError("write whole numbers of 1 to 1000, such as 10,20");
  }
  return [...new Set(cutoffs)].sort((a, b) => a - b);
}

function parseTrials(text: string): number {
  const trials = Number(text);
  if (!Number.isInteger(trials) || trials < 1 || trials > 1_000) {
    throw new InvalidArgumentError("write a whole number of 1 to 1000");
  }
  return trials;
}

function parseNames(text: string): string[] {
  return [...new Set(text.split(",").map((name) => name.trim()))];
}

/** `null`: no decay. Where papers leave one out, no event is worth less than another. */
function halfLifeOf({ halfLife, holdout }: Options): number | null {
  const days = halfLife ?? (holdout === "last" ? 0 : HALF_LIFE_DAYS);
  return days === 0 ? null : days;
}

function parseDays(text: string): number {
  const days = Number(text);
  if (text.trim() === "" || !(days >= 0)) throw new InvalidArgumentError("write a number of days, 0 for no decay");
  return days;
}

function collectParameter(text: string, before: AlgorithmParameters): AlgorithmParameters {
  const [name, number] = pair(text);
  const [algorithm = "", parameter = "", ...more] = name.split(".");
  const value = Number(number);
  if (number === "" || !(value >= 0 && Number.isFinite(value)) || parameter === "" || more.length > 0) {
    throw new InvalidArgumentError("write algorithm.parameter=number, such as itemNeighbours.neighbours=200");
  }
  return { ...before, [algorithm]: { ...before[algorithm], [parameter]: value } };
}

function collectWeight(text: string, before: Readonly<Record<string, number>>): Record<string, number> {
  const [event, number] = pair(text);
  const weight = Number(number);
  if (number === "" || !(weight >= 0 && weight <= 1_000)) {
    throw new InvalidArgumentError("write event=number with a number of 0 to 1000, such as purchase=8");
  }
  return { ...before, [event]: weight };
}

function collectName(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [theirs, ours] = pair(text);
  if (ours === "") throw new InvalidArgumentError("write theirs=ours, such as bought=purchase");
  return { ...before, [theirs]: ours };
}

function pair(text: string): [string, string] {
  const at = text.lastIndexOf("=");
  return at < 1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1).trim()];
}
