/**
 * What people do who did the same: user-based nearest neighbours (Resnick et al., "GroupLens", CSCW 1994, with the implicit
 * weights of Sarwar et al., EC 2000). With h an actor's weights, each item's divided by (its degree)^commonness:
 *
 *     similarity(u, v) = h_u . h_v / (|h_u| |h_v|)                        (cosine)
 *     score(u, i)      = sum over the most similar v of similarity(u, v) x h_v,i / |h_v|
 *
 * Neighbours are found from the history that is asked about, so that an actor need not have been in training.
 */
import type { Matrix } from "../../matrix.ts";
import type { WorkTables } from "../../work-tables.ts";
import type { Algorithm, Cases, FitContext, FittedModel } from "../algorithm.ts";

const DEFAULTS = {
  neighbours: 100,
  /** Of an item, the actors that it matters most to; others are not found by it. */
  actorsPerItem: 500,
  commonness: 0.5,
};

type Configuration = typeof DEFAULTS;

/** Terms of sums that one statement adds up: about 100 bytes each at the most. */
const TERMS_PER_SLICE = 16_000_000;

/** Terms are whole multiples of 1 / this: a sum does not depend on the order of adding. */
const TERM_SCALE = 2 ** 40;

export function userNeighbours(parameters: Partial<Configuration> = {}): Algorithm {
  const configuration = { ...DEFAULTS, ...parameters };
  return {
    name: "userNeighbours",
    needsTime: false,
    parameters: configuration,
    async fit(context) {
      const { work, name, matrix, onProgress } = context;
      const actors = await work.create({
        name: `${name}_actors`,
        columns: "actor UInt32, actor_id String, items Array(UInt32), elements Array(Float64)",
        orderBy: "actor",
      });
      await work.run(
        `
INSERT INTO ${actors}
WITH arrayMap((weight, degree) -> weight / pow(degree, {commonness:Float64}), weights, degrees) AS raw
SELECT toUInt32(row_number() OVER (ORDER BY actor_id) - 1) AS actor, actor_id, items,
  arrayMap(value -> value / sqrt(arraySum(other -> other * other, raw)), raw) AS elements
FROM ${matrix.histories}`,
        { commonness: configuration.commonness },
      );
      onProgress(0.5);
      const touches = await work.create({
        name: `${name}_touches`,
        columns: "item UInt32, actors Array(UInt32), elements Array(Float64), commonness Float64",
        orderBy: "item",
      });
      await work.run(
        `
INSERT INTO ${touches}
SELECT item, actors, elements, pow(degree, {commonness:Float64}) AS commonness
FROM (
  SELECT item, groupArray(actor) AS actors, groupArray(element) AS elements
  FROM (
    SELECT item, actor, element FROM ${actors} ARRAY JOIN items AS item, elements AS element
    ORDER BY item, element DESC, actor
    LIMIT {actorsPerItem:UInt32} BY item
  )
  GROUP BY item
) AS t GLOBAL INNER JOIN ${matrix.items} AS n ON t.item = n.item`,
        { commonness: configuration.commonness, actorsPerItem: configuration.actorsPerItem },
      );
      onProgress(1);
      return userModel(context, actors, touches, configuration);
    },
  };
}

function userModel(
  { work, name, matrix }: FitContext,
  actors: string,
  touches: string,
  configuration: Configuration,
): FittedModel {
  const slicesOf = (entries: number) =>
    Math.ceil((entries * Math.min(configuration.actorsPerItem, matrix.actorCount)) / TERMS_PER_SLICE);
  return {
    async rank(cases, into, length) {
      const similar = await createSimilar(work, `${name}_asked`);
      const slices = slicesOf(cases.historyEntries);
      const { neighbours } = configuration;
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(`INSERT INTO ${similar}${similarActors(touches, askedHistories(cases.table))}`, {
          neighbours,
          slices,
          slice,
        });
      }
      const terms = cases.count * neighbours * (matrix.entryCount / Math.max(1, matrix.actorCount));
      const parts = Math.max(1, Math.ceil(terms / TERMS_PER_SLICE));
      for (let slice = 0; slice < parts; slice += 1) {
        await work.run(rankStatement(actors, similar, cases, into), { length, slices: parts, slice });
      }
    },
    async store(version) {
      const slices = slicesOf(matrix.entryCount);
      for (let slice = 0; slice < slices; slice += 1) {
        await work.run(storeStatement(actors, touches), {
          version,
          neighbours: configuration.neighbours + 1,
          slices,
          slice,
        });
      }
    },
    fault: () => faultOf(work, matrix, touches),
  };
}

async function faultOf(work: WorkTables, matrix: Matrix, touches: string): Promise<string | undefined> {
  const [row] = await work.clickhouse.query<{ shared: string; invalid: string }>(
    `SELECT countIf(length(actors) > 1) AS shared, sum(arrayCount(value -> NOT isFinite(value), elements)) AS invalid
     FROM ${touches}`,
  );
  if (row === undefined || row.shared === "0") return `no two of ${matrix.actorCount} actors touched one item`;
  return row.invalid === "0" ? undefined : `${row.invalid} weights are not finite`;
}

function createSimilar(work: WorkTables, name: string): Promise<string> {
  return work.create({
    name: `${name}_similar`,
    columns: "case UInt32, actor UInt32, similarity Float64",
    orderBy: "case",
  });
}

/** (case, item, weight) of the cases of the slice. */
function askedHistories(cases: string): string {
  return `
SELECT case, item, weight FROM ${cases} ARRAY JOIN history AS item, history_weights AS weight
WHERE case % {slices:UInt32} = {slice:UInt32}`;
}

/** (case, actor, similarity) of each case's most similar actors, ties by number; |h_u| is left out, the same for all. */
function similarActors(touches: string, histories: string): string {
  return `
SELECT case, actor, similarity / ${TERM_SCALE} AS similarity
FROM (
  SELECT h.case AS case, actor, sum(toInt64(round(h.weight / t.commonness * element * ${TERM_SCALE}))) AS similarity
  FROM ${touches} AS t
  GLOBAL INNER JOIN (${histories}) AS h ON t.item = h.item
  ARRAY JOIN t.actors AS actor, t.elements AS element
  GROUP BY case, actor
  ORDER BY case, similarity DESC, actor
  LIMIT {neighbours:UInt32} BY case
)`;
}

function rankStatement(actors: string, similar: string, cases: Cases, into: string): string {
  return `
INSERT INTO ${into}
SELECT case, groupArray(item) AS ranked, groupArray(score / ${TERM_SCALE}) AS scores
FROM (
  SELECT case, item, sum(term) AS score
  FROM (
    SELECT s.case AS case, item, toInt64(round(s.similarity * element * ${TERM_SCALE})) AS term
    FROM ${actors} AS a
    GLOBAL INNER JOIN (SELECT * FROM ${similar} WHERE case % {slices:UInt32} = {slice:UInt32}) AS s ON a.actor = s.actor
    ARRAY JOIN a.items AS item, a.elements AS element
    UNION ALL
    SELECT case, arrayJoin(masked) AS item, toInt64(-4611686018427387904) AS term
    FROM ${cases.table}
    WHERE case % {slices:UInt32} = {slice:UInt32}
  )
  GROUP BY case, item
  HAVING score > 0
  ORDER BY case, score DESC, item
  LIMIT {length:UInt32} BY case
)
GROUP BY case`;
}

/** Everyone's neighbours but for itself, with whole cosines. */
function storeStatement(actors: string, touches: string): string {
  const histories = `
SELECT actor AS case, item, element * commonness AS weight
FROM (SELECT actor, item, element FROM ${actors} ARRAY JOIN items AS item, elements AS element WHERE actor % {slices:UInt32} = {slice:UInt32}) AS e
GLOBAL INNER JOIN (SELECT item, commonness FROM ${touches}) AS c ON e.item = c.item`;
  return `
INSERT INTO model_user_neighbours
WITH (SELECT groupArray(actor_id) FROM (SELECT actor_id FROM ${actors} ORDER BY actor)) AS actor_ids
SELECT {version:String} AS version, actor_ids[case + 1] AS actor_id, groupArray(actor_ids[actor + 1]) AS neighbours,
  groupArray(toFloat32(similarity)) AS weights
FROM (
  SELECT case, actor, similarity FROM (${similarActors(touches, histories)})
  WHERE actor != case
  ORDER BY case, similarity DESC, actor
  LIMIT {neighbours:UInt32} - 1 BY case
)
GROUP BY case`;
}
