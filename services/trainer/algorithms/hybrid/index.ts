/**
 * One list from the candidates of other algorithms, ranked by what is learned from a part of the activity that these did
 * not see: how much each one's scores and ranks, and what is known of an item (popularity, recency, price beside what the
 * asker usually pays, how much it is wanted at this hour, on this device, in this country), say of what comes next
 * (ranker.ts has the paper). The algorithms are then fitted on everything. Some places are kept for items that nobody has
 * touched.
 */
import {
  type Asker,
  blended,
  type Candidates,
  candidatesOf,
  featureCount,
  featureNames,
  type ItemFeatures,
  TopList,
  withNewcomers,
} from "../../../scoring/index.ts";
import type { WorkTables } from "../../work-tables.ts";
import { type Algorithm, type Cases, type FitContext, type FittedModel, RANKED_COLUMNS } from "../algorithm.ts";
import { writeRanked } from "../rank-cases.ts";
import { createItemFeatures, readItemFeatures } from "./item-features.ts";
import { createLesson } from "./lesson.ts";
import { learnWeights, type RatedList } from "./ranker.ts";

const DEFAULTS = {
  /** Candidates of each algorithm. */
  candidates: 100,
  penalty: 0.0001,
  /** Every so many places one is for an item that nobody has touched, if a component has one; 0: none. */
  newcomerEvery: 10,
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
      const { onProgress } = context;
      const lesson = await createLesson(context);
      const pupils = await fitAll(components, lesson.context, (share) => onProgress(share * 0.4));
      const weights = await learn(lesson.context, pupils.models, lesson.cases, configuration).finally(pupils.close);
      onProgress(0.5);
      const fitted = await fitAll(components, context, (share) => onProgress(0.5 + share / 2));
      const features = await createItemFeatures(context);
      const known = await readItemFeatures(context.work, features, context.matrix.itemCount);
      return hybridModel(context, components, { ...fitted, weights, features, known }, configuration);
    },
  };
}

interface FittedComponents {
  readonly models: readonly FittedModel[];
  /** Closes those that were fitted here. */
  close(): Promise<void>;
}

/** What was fitted on this context already is not fitted again. */
async function fitAll(
  components: readonly Algorithm[],
  context: FitContext,
  onProgress: (share: number) => void,
): Promise<FittedComponents> {
  const models: FittedModel[] = [];
  const own: FittedModel[] = [];
  const close = async () => {
    for (const model of own.splice(0)) await model.close?.();
  };
  try {
    for (const [index, component] of components.entries()) {
      const found = await context.fitted?.(component);
      const progress = (share: number) => onProgress((index + share) / components.length);
      const name = `${context.name}_${component.name}`;
      const model = found ?? (await component.fit({ ...context, name, onProgress: progress }));
      if (found === undefined) own.push(model);
      models.push(model);
    }
    return { models, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function learn(
  context: FitContext,
  models: readonly FittedModel[],
  cases: Cases,
  { candidates, penalty }: typeof DEFAULTS,
): Promise<Float64Array> {
  const { work, matrix } = context;
  const known = await readItemFeatures(work, await createItemFeatures(context), matrix.itemCount);
  const tables = await rankAll(context, models, cases, candidates);
  const lists: RatedList[] = [];
  for await (const page of candidatePages(work, known, tables, cases)) {
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
  known: ItemFeatures,
  tables: readonly string[],
  cases: Cases,
): AsyncGenerator<(Candidates & { readonly case: number })[]> {
  const { contexts } = cases;
  const join = contexts === undefined ? "" : `GLOBAL LEFT JOIN ${contexts} AS k ON c.case = k.case`;
  const buckets = contexts === undefined ? "[]" : "k.buckets";
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
    const askers = await work.clickhouse.query<Asker & { readonly case: number }>(
      `SELECT case, history, history_weights AS weights, ${buckets} AS buckets FROM ${cases.table} AS c ${join}
       WHERE case >= {from:UInt32} AND case < {to:UInt32} ORDER BY case`,
      parameters,
    );
    yield askers.map((asker) => {
      const found = lists.map((list) => list.get(asker.case) ?? { items: [], scores: [] });
      return { case: asker.case, ...candidatesOf(found, known, asker) };
    });
  }
}

interface Learned extends FittedComponents {
  readonly weights: Float64Array;
  /** Table of createItemFeatures. */
  readonly features: string;
  readonly known: ItemFeatures;
}

function hybridModel(
  context: FitContext,
  components: readonly Algorithm[],
  { models, close, weights, features, known }: Learned,
  { candidates, newcomerEvery }: typeof DEFAULTS,
): FittedModel {
  const { work, matrix } = context;
  return {
    async rank(cases, into, length) {
      const tables = await rankAll(context, models, cases, Math.max(candidates, length));
      const top = new TopList(length);
      const untouched = new TopList(length);
      for await (const page of candidatePages(work, known, tables, cases)) {
        const lists = page.map((entry) => {
          const scoreOf = new Map<number, number>();
          for (const [place, item] of entry.items.entries()) {
            const score = blended(entry, place, weights);
            scoreOf.set(item, score);
            if (top.admits(score)) top.add(item, score);
            if (item >= matrix.touchedCount && untouched.admits(score)) untouched.add(item, score);
          }
          const items = withNewcomers(top.take().items, untouched.take().items, newcomerEvery);
          return { case: entry.case, items, scores: items.map((item) => scoreOf.get(item) as number) };
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
        `
INSERT INTO model_item_features
SELECT {version:String} AS version, n.item_id AS item_id, f.names AS names, f.values AS values
FROM ${features} AS f GLOBAL INNER JOIN ${matrix.items} AS n ON f.item = n.item`,
        { version },
      );
    },
    async fault() {
      if (!weights.every(Number.isFinite)) return "a weight is not finite";
      return weights.every((weight) => weight === 0) ? "nothing was learned: no candidate was ever right" : undefined;
    },
    close,
  };
}
