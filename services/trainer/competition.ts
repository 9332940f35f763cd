/** The contest of one run: who is judged, and what the gate says of each. */
import { listVersions, readAliases } from "../clickhouse/models.ts";
import type { Algorithm } from "./algorithms/algorithm.ts";
import {
  createAlgorithms,
  createHybrid,
  ENDPOINT_ALGORITHMS,
  NOT_FOR_USERS,
  NOT_SERVED,
  STANDING_ALGORITHMS,
} from "./algorithms/index.ts";
import { Contest, type Judged } from "./contest.ts";
import { createContexts } from "./contexts.ts";
import { elect, type GateOptions, type Incumbent, type Ruling, rule } from "./gate.ts";
import { CHAMPION, incumbentOf, recipeInService, type Standing } from "./incumbents.ts";
import { ACTIVITY_COLUMN_NAMES, type Weighting } from "./interactions.ts";
import { actorCases } from "./judging/cases.ts";
import { createTripwireTable, layTripwires } from "./judging/tripwires.ts";
import { METRICS, type TrainingDependencies, type TrainingOptions } from "./options.ts";
import type { Period } from "./period.ts";
import { recipeOf, sameRecipe } from "./recipes.ts";
import { tunedParameters } from "./tuned-parameters.ts";
import type { WorkTables } from "./work-tables.ts";

export interface Occasion {
  readonly work: WorkTables;
  readonly training: TrainingOptions;
  readonly dependencies: TrainingDependencies;
  /** Table of ACTIVITY_COLUMNS. */
  readonly activity: string;
  readonly weighting: Weighting;
  /** Where the holdout begins, and the moment of the youngest event; milliseconds since 1970. */
  readonly boundary: number;
  readonly watermark: number;
  open(name: string, source: string, before: number | null): Promise<Period>;
}

export interface Entry {
  readonly judged: Judged;
  /** Begins the version's name. */
  readonly label: string;
  /** For the endpoint that it answers by itself; `null`: it has none. */
  readonly own: Ruling | null;
  /** For users; `null`: it cannot answer them, or is disqualified. */
  readonly users: Ruling | null;
  readonly parent: string | null;
  /** The period that its recipe was last compared on ends here; milliseconds since 1970. */
  readonly comparedBefore: number;
}

export interface Outcome {
  readonly entries: readonly Entry[];
  readonly winner: Entry | null;
  /** In the holdout, that were judged on. */
  readonly actors: number;
}

/** Of more actors in the holdout, as many are judged: the standard error of a figure is then at most 0.005. */
const JUDGED_ACTORS = 10_000;

/**
 * @param names of algorithms, each once
 * @throws ClickHouseError
 */
export async function compete(occasion: Occasion, names: readonly string[]): Promise<Outcome> {
  const { work, training, dependencies, activity, weighting, boundary, open } = occasion;
  const { contest, actors } = await openContest(occasion);
  const aliases = await readAliases(work.clickhouse);
  const listed = await listVersions(work.clickhouse);
  const versions = new Map(listed.map((version) => [version.version, version]));
  const create = dependencies.create ?? createAlgorithms;
  const championInService = versions.get(aliases.get(CHAMPION) ?? "");
  /** The champion, else what its alias names, else what was published of it last: as a component. */
  const inServiceOf = (name: string) =>
    (championInService?.algorithm === name ? championInService : undefined) ??
    versions.get(aliases.get(name) ?? "") ??
    listed.find(({ algorithm, status }) => algorithm === name && status === "published");

  const others = names.filter((name) => name !== "hybrid");
  const start = Object.fromEntries(others.map((name) => [name, inServiceOf(name)?.configuration.parameters ?? {}]));
  const parameters = await tunedParameters(work, create(others), {
    ...{ training, activity, weighting, boundary, start },
    metric: METRICS[training.evaluation.metric],
    now: dependencies.now,
    onProgress: (algorithm, share) => dependencies.onProgress?.({ algorithm, step: "tune", share: 0.3 * share }),
  });
  const before = training.tuning === undefined ? 0 : 0.3;
  let judgedCount = 0;
  const judgeOne = async (algorithm: Algorithm): Promise<Judged> => {
    const coverage = STANDING_ALGORITHMS.includes(algorithm.name) ? 0 : training.gate.minCoveragePercent;
    const progress = (share: number) =>
      dependencies.onProgress?.({
        algorithm: algorithm.name,
        step: "judge",
        share: before + (0.6 - before) * Math.min(1, (judgedCount + share) / names.length),
      });
    return contest.judge(algorithm, coverage, progress);
  };

  const judged: Judged[] = [];
  const tried: Entry[] = [];
  for (const fresh of create(others, parameters)) {
    const candidate = await judgeOne(fresh);
    judgedCount += 1;
    const version = inServiceOf(fresh.name);
    const known = version === undefined ? null : recipeInService(version, { create, versions });
    if (version === undefined || known === null || sameRecipe(recipeOf(known), candidate.recipe)) {
      judged.push(candidate);
      continue;
    }
    const kept = await judgeOne(known);
    const ruling = rule(candidate, asIncumbent(version.version, kept), contest.actors, training.gate);
    const isBetter = candidate.disqualified === null && ruling.verdict === "Promoted";
    judged.push(isBetter || kept.disqualified !== null ? candidate : kept);
    if (judged.at(-1) === kept) {
      const label = `${fresh.name}.tried`;
      tried.push({
        judged: candidate,
        label,
        own: null,
        users: ruling,
        parent: version.version,
        comparedBefore: boundary,
      });
    }
  }
  if (names.includes("hybrid")) {
    const sound = judged.filter(({ disqualified }) => disqualified === null).map(({ algorithm }) => algorithm);
    const components = sound.filter(({ name }) => !NOT_SERVED.includes(name));
    if (components.length > 0) judged.push(await judgeOne(createHybrid(components)));
  }
  /** By version: the champion often stands behind an endpoint's alias too. */
  const standings = new Map<string, Promise<Standing>>();
  const incumbentAt = (alias: string): Promise<Standing> => {
    const name = aliases.get(alias) ?? "";
    const found =
      standings.get(name) ??
      incumbentOf(versions.get(name), { contest, judged, boundary, activity, work, create, versions, open });
    standings.set(name, found);
    return found;
  };
  const { entries, winner } = await settle(judged, contest.actors, training.gate, incumbentAt);
  return { entries: [...entries, ...tried], winner, actors };
}

/** What models are fitted on, and what they are asked. */
async function openContest(occasion: Occasion): Promise<{ readonly contest: Contest; readonly actors: number }> {
  const { work, training, dependencies, activity, boundary, watermark, open } = occasion;
  const { k, metric } = training.evaluation;
  const milliseconds = "toUnixTimestamp64Milli(occurred_at)";
  const before = `SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${activity} WHERE ${milliseconds} < ${boundary}`;
  const madeUp = await createTripwireTable(work);
  const past = await open("past", `(${before} UNION ALL SELECT ${ACTIVITY_COLUMN_NAMES} FROM ${madeUp})`, boundary);
  const heldOut = `(SELECT actor_id, item_id, occurred_at, device, country FROM ${activity} WHERE event != 'refund' AND ${milliseconds} >= ${boundary})`;
  const asked = await actorCases(work, "holdout", past.matrix, heldOut, {
    withoutHistory: false,
    limit: JUDGED_ACTORS,
  });
  const cases = { ...asked, contexts: await createContexts(work, "holdout", asked.table, heldOut) };
  const tripwires = await layTripwires(work, madeUp, past.matrix, cases, {
    event: heaviest(training.weights),
    at: watermark,
    k,
  });
  const contest = await Contest.open(work, {
    ...{ past, cases, tripwires, k },
    metric: METRICS[metric],
    maxRankMilliseconds: dependencies.maxRankMilliseconds ?? Number.POSITIVE_INFINITY,
  });
  return { contest, actors: cases.actors };
}

/** Each endpoint's algorithm against what its alias names, and all that can answer users against the champion. */
async function settle(
  judged: readonly Judged[],
  actors: Uint32Array,
  gate: GateOptions,
  incumbentAt: (alias: string) => Promise<Standing>,
): Promise<Pick<Outcome, "entries" | "winner">> {
  const champion = await incumbentAt(CHAMPION);
  const running = judged.filter(
    ({ algorithm, disqualified }) => disqualified === null && !NOT_FOR_USERS.includes(algorithm.name),
  );
  const popular = judged.find(({ algorithm }) => algorithm.name === "popular");
  const election = elect(running, toBeat(champion.incumbent, popular, actors.length), actors, gate);
  const entries: Entry[] = [];
  for (const one of judged) {
    const place = running.indexOf(one);
    const users = place < 0 ? null : (election.rulings[place] ?? null);
    const isEndpoint = ENDPOINT_ALGORITHMS.includes(one.algorithm.name) && one.disqualified === null;
    const slot = isEndpoint ? await incumbentAt(one.algorithm.name) : null;
    const own = slot === null ? standing(one) : rule(one, slot.incumbent, actors, gate);
    const takesOver = place >= 0 && place === election.winner;
    const { incumbent, comparedBefore } = takesOver || slot === null ? champion : slot;
    entries.push({
      ...{ judged: one, label: one.algorithm.name, own, users, comparedBefore },
      parent: incumbent?.version ?? null,
    });
  }
  const winner = election.winner === null ? undefined : running[election.winner];
  return { entries, winner: entries.find((entry) => entry.judged === winner) ?? null };
}

/**
 * Without a champion, or with one that this release cannot fit, what is popular must be beaten, since it is what users get;
 * where nobody who was held out had a history, nothing can be compared, and the first to come is taken.
 */
function toBeat(champion: Incumbent | null, popular: Judged | undefined, cases: number): Incumbent | null {
  if (champion !== null && (champion.values !== null || champion.trouble !== null)) return champion;
  if (popular === undefined || cases === 0) return null;
  return asIncumbent("popular", popular);
}

/** What was judged in this run as what must be beaten. */
function asIncumbent(version: string, { recipe, values, measured, disqualified }: Judged): Incumbent {
  const trouble = measured ? null : (disqualified?.reason ?? "");
  return { version, recipe, values, earlier: values, trouble };
}

/** What always answers for want of better is published whatever it scores, unless it is broken. */
function standing({ algorithm, disqualified }: Judged): Ruling | null {
  if (disqualified !== null || !STANDING_ALGORITHMS.includes(algorithm.name)) return null;
  return { verdict: "Refreshed", lift: null, reason: "" };
}

function heaviest(weights: Readonly<Record<string, number>>): string {
  const [first = ["", 0]] = Object.entries(weights).sort(([, a], [, b]) => b - a);
  return first[0];
}
