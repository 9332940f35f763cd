/**
 * One list from the candidates of other algorithms, ranked by what is learned from a part of the activity that these did
 * not see: how much each one's scores and ranks, and an item's popularity, say of what comes next (ranker.ts has the
 * paper). The algorithms are then fitted on everything.
 */
import { blended, type Candidates, candidatesOf, featureCount, featureNames, TopList } from "../../../scoring/index.ts";
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import { type Algorithm, type Cases, type FitContext, type FittedModel, RANKED_COLUMNS } from "../algorithm.ts";
import { writeRanked } from "../rank-cases.ts";
import { createLesson } from "./lesson.ts";
import { learnWeights, type RatedList } from "./ranker.ts";

const DEFAULTS = {
  /** Candidates of each algorithm. */
  candidates: 100,
  penalty: 0.0001,
};

/** Cases whose lists are in memory at once. */
const CASES_PER_PAGE = 1_000;

/** @param components at least one, none of which is a hybrid */
export function hybrid(components: readonly Algorithm[], parameters: Partial<typeof DEFAULTS> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  return {
    name: "hybrid",
    needsTime: components.some((component) => component.needsTime),
    parameters: configuration,
    components,
    async fit(context) {
      const { name, onProgress } = context;
      const lesson = await createLesson(context);
      const pupils = await fitAll(components, lesson.context, (share) => onProgress(share * 0.4));
      const weights = await learn(lesson.context, pupils, lesson.cases, configuration).finally(() => closeAll(pupils));
      onProgress(0.5);
      const models = await fitAll(components, { ...context, name }, (share) => onProgress(0.5 + share / 2));
      return hybridModel(context, components, models, weights, configuration);
    },
  };
}

async function fitAll(
  components: readonly Algorithm[],
  context: FitContext,
  onProgress: (share: number) => void,
): Promise<FittedModel[]> {
  const models: FittedModel[] = [];
  try {
    for (const [index, component] of components.entries()) {
      const progress = (share: number) => onProgress((index + share) / components.length);
      const name = `${context.name}_${component.name}`;
      models.push(await component.fit({ ...context, name, onProgress: progress }));
    }
    return models;
  } catch (error) {
    await closeAll(models);
    throw error;
  }
}

async function closeAll(models: readonly FittedModel[]): Promise<void> {
  for (const model of models) await model.close?.();
}

async function learn(
  context: FitContext,
  models: readonly FittedModel[],
  cases: Cases,
  { candidates, penalty }: typeof DEFAULTS,
): Promise<Float64Array> {
  const { work, matrix } = context;
  const tables = await rankAll(context, models, cases, candidates);
  const lists: RatedList[] = [];
  for await (const page of candidatePages(work, matrix, tables, cases)) {
    const truths = await work.clickhouse.query<{ case: number; truth: number[] }>(
      `SELECT case, truth FROM ${cases.table} WHERE case IN {cases:Array(UInt32)}`,
      { cases: page.map((entry) => entry.case) },
    );
    const truthOf = new Map(truths.map(({ case: number, truth }) => [number, new Set(truth)]));
    for (const { case: number, items, features } of page) {
      const truth = truthOf.get(number);
      const right = items.flatMap((item, row) => (truth?.has(item) ? [row] : []));
      if (right.length > 0) lists.push({ features, count: items.length, right });
    }
  }
  return learnWeights(lists, featureCount(models.length), penalty);
}

/** Each model's lists: tables of RANKED_COLUMNS. */
async function rankAll(
  { work, name }: Pick<FitContext, "work" | "name">,
  models: readonly FittedModel[],
  cases: Cases,
  length: number,
): Promise<string[]> {
  const tables: string[] = [];
  for (const [index, model] of models.entries()) {
    const table = await work.create({ name: `${name}_lists_${index}`, columns: RANKED_COLUMNS, orderBy: "case" });
    await model.rank(cases, table, length);
    tables.push(table);
  }
  return tables;
}

async function* candidatePages(
  work: WorkTables,
  matrix: Matrix,
  tables: readonly string[],
  cases: Cases,
): AsyncGenerator<(Candidates & { readonly case: number })[]> {
  const popularity = await readPopularity(work, matrix);
  for (let from = 0; from < cases.count; from += CASES_PER_PAGE) {
    const parameters = { from, to: Math.min(cases.count, from + CASES_PER_PAGE) };
    const lists = await Promise.all(
      tables.map(async (table) => {
        const rows = await work.clickhouse.query<{ case: number; ranked: number[]; scores: number[] }>(
          `SELECT case, ranked, scores FROM ${table} WHERE case >= {from:UInt32} AND case < {to:UInt32}`,
          parameters,
        );
        return new Map(rows.map(({ case: number, ranked, scores }) => [number, { items: ranked, scores }]));
      }),
    );
    const numbers = Array.from({ length: parameters.to - from }, (_, at) => from + at);
    yield numbers.map((number) => {
      const found = lists.map((list) => list.get(number) ?? { items: [], scores: [] });
      return { case: number, ...candidatesOf(found, (item) => popularity[item] ?? 0) };
    });
  }
}

/** The logarithm of an item's degree, relative to the largest. */
const POPULARITY = "if(largest > 0, log1p(degree) / log1p(largest), 0)";

/** By item. */
async function readPopularity(work: WorkTables, matrix: Matrix): Promise<Float64Array> {
  const rows = await work.clickhouse.query<{ popularity: number }>(
    `SELECT ${POPULARITY} AS popularity
     FROM (SELECT item, degree, max(degree) OVER () AS largest FROM ${matrix.items}) ORDER BY item`,
  );
  return Float64Array.from(rows, ({ popularity }) => popularity);
}

function hybridModel(
  context: FitContext,
  components: readonly Algorithm[],
  models: readonly FittedModel[],
  weights: Float64Array,
  { candidates }: typeof DEFAULTS,
): FittedModel {
  const { work, matrix } = context;
  return {
    async rank(cases, into, length) {
      const tables = await rankAll(context, models, cases, Math.max(candidates, length));
      const top = new TopList(length);
      for await (const page of candidatePages(work, matrix, tables, cases)) {
        const lists = page.map((entry) => {
          for (const [place, item] of entry.items.entries()) {
            const score = blended(entry, place, weights);
            if (top.admits(score)) top.add(item, score);
          }
          return { case: entry.case, ...top.take() };
        });
        await writeRanked(work, into, lists);
      }
    },
    async store(version) {
      const names = featureNames(components.map((component) => component.name));
      await work.clickhouse.insert(
        "model_weights",
        names.map((feature, at) => ({ version, feature, weight: weights[at] })),
      );
      await work.run(
        `INSERT INTO model_vectors
         SELECT {version:String} AS version, item_id, [toFloat32(${POPULARITY})] AS vector
         FROM (SELECT item_id, degree, max(degree) OVER () AS largest FROM ${matrix.items})`,
        { version },
      );
    },
    async fault() {
      if (!weights.every(Number.isFinite)) return "a weight is not finite";
      return weights.every((weight) => weight === 0) ? "nothing was learned: no candidate was ever right" : undefined;
    },
    close: () => closeAll(models),
  };
}
