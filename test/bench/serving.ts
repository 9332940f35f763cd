/** The user endpoint against servers that only send the same bytes, in one run on one machine. */
import type { RequestListener } from "node:http";
import express from "express";
import type { Signal } from "../../services/activity/signals.ts";
import { type RunningServer, startServer } from "../../services/http/index.ts";
import type { MemoryLimits, Recommender } from "../../services/recommender/index.ts";
import { migratedDatabase } from "../fixtures/clickhouse.ts";
import {
  appendSignals,
  publishNeighbours,
  publishRanking,
  startTestRecommender,
  storeItems,
  temporaryLog,
} from "../fixtures/recommender.ts";
import type { HttpLoadResult } from "./http-load.ts";
import { underLoad } from "./load.ts";
import { median, type Row } from "./row.ts";

export interface ServingBenchOptions {
  /** Each measures every server once, in turn: what else the machine does then weighs on all alike. */
  readonly rounds: number;
  /** Of load on one server in one round. */
  readonly seconds: number;
}

const CONNECTIONS = 50;
const ITEMS = 10_000;
const NEIGHBOURS = 200;
const USERS = 1_000;
/** Distinct items of one user. */
const HISTORY = 20;

/** Measures a recommender with 10,000 items of 200 neighbours each, for 1,000 users with 20 items each. */
export async function benchServing({ rounds, seconds }: ServingBenchOptions): Promise<Row[]> {
  const clickhouse = await migratedDatabase();
  const log = await temporaryLog();
  const start = (limits: Partial<MemoryLimits>) => startTestRecommender({ clickhouse, log, limits });
  await fillShop(clickhouse, log);
  const keeping = await start({});
  const computing = await start({ answerBytes: 0 });
  const servers: RunningServer[] = [];
  try {
    const paths = userPaths();
    const answers = await warmUp(keeping, paths);
    await warmUp(computing, paths);
    const body = answers.toSorted((a, b) => a.length - b.length)[USERS / 2] ?? "";
    const serve = async (listener: RequestListener, hotPath?: Recommender["hotPath"]): Promise<Measured> => {
      const server = await startServer(listener, { host: "127.0.0.1", port: 0, ...(hotPath && { hotPath }) });
      servers.push(server);
      return { url: server.address, results: [] };
    };
    const bareNode = await serve(bareNodeListener(body));
    const hot = await serve(express(), keeping.hotPath);
    const hotComputed = await serve(express(), computing.hotPath);
    const bareExpress = await serve(bareExpressApplication(body));
    const throughExpress = await serve(express().use(keeping.router));
    for (let round = 0; round < rounds; round += 1) {
      for (const { url, results } of [bareNode, hot, hotComputed, bareExpress, throughExpress]) {
        const before = process.cpuUsage();
        const result = await underLoad({ url, paths, connections: CONNECTIONS, seconds });
        const { user, system } = process.cpuUsage(before);
        results.push({ ...result, cpuMicroseconds: (user + system) / result.requests });
      }
    }
    return [
      { name: "body", value: Buffer.byteLength(body), unit: "bytes" },
      ...rowsOf("bare node:http", bareNode),
      ...rowsOf("user endpoint before Express", hot, bareNode, 0.4),
      ...rowsOf("user endpoint before Express, every answer computed anew", hotComputed, bareNode),
      ...rowsOf("bare Express", bareExpress),
      ...rowsOf("user endpoint through Express", throughExpress, bareExpress, 0.6),
    ];
  } finally {
    for (const server of servers) await server.close();
    await keeping.close();
    await computing.close();
    await log.close();
    await clickhouse.close();
  }
}

/** One of each user of the shop. */
export function userPaths(): string[] {
  return Array.from({ length: USERS }, (_, user) => `/v1/recommendations/users/user-${user}`);
}

interface Measured {
  readonly url: string;
  readonly results: (HttpLoadResult & { readonly cpuMicroseconds: number })[];
}

type Log = Awaited<ReturnType<typeof temporaryLog>>;
type Database = Awaited<ReturnType<typeof migratedDatabase>>;

/** With 10,000 items of 200 neighbours each, and 1,000 users with 20 items each. */
export async function fillShop(clickhouse: Database, log: Log): Promise<void> {
  const ids = Array.from({ length: ITEMS }, (_, at) => `sku-${100_000 + at}`);
  const other = (item: number, step: number) => ids[(item * 7 + step * 131) % ITEMS] ?? "";
  const neighbours = ids.map((id, item) => [
    id,
    Object.fromEntries(Array.from({ length: NEIGHBOURS }, (_, at) => [other(item, at + 1), 1 / (at + 2)])),
  ]);
  await publishNeighbours(clickhouse, { version: "itemNeighbours-20260101T000000Z" }, Object.fromEntries(neighbours));
  await publishRanking(clickhouse, "popular", { version: "popular-20260101T000000Z" }, ids);
  await storeItems(
    clickhouse,
    ids.map((id, at) => ({
      item_id: id,
      name: `Thing ${id}`,
      price: `${(at % 90) + 9}.99`,
      categories: [`c${at % 50}`],
    })),
  );
  const now = Date.now();
  for (let user = 0; user < USERS; user += 1) {
    const signals = Array.from(
      { length: HISTORY },
      (_, at): Signal => ({
        actorId: `user-${user}`,
        event: "view",
        itemId: other(user * 13, at * 3),
        occurredAt: now - at * 60_000,
        quantity: 1,
        eventId: `${user}-${at}`,
      }),
    );
    await appendSignals(log, signals);
  }
}

/** One answer to each path, once every user's history is in memory. */
export async function warmUp(recommender: Recommender, paths: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const url of paths) {
    for (;;) {
      const { body } = await recommender.answer({ method: "GET", url });
      if (!body.includes('"fallback"')) {
        answers.push(body);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return answers;
}

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "private, no-cache" };

function bareNodeListener(body: string): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { ...HEADERS, "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  };
}

function bareExpressApplication(body: string): RequestListener {
  return express().get("/v1/recommendations/users/:id", (_request, response) => {
    response.writeHead(200, { ...HEADERS, "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  });
}

/** Medians over the rounds; ratios are taken within each round first. */
function rowsOf(name: string, measured: Measured, baseline?: Measured, target?: number): Row[] {
  const figure = (unit: string, of: (result: Measured["results"][number]) => number) => {
    const values = measured.results.map(of);
    const ratios = baseline?.results.map((result, round) => (values[round] ?? 0) / of(result));
    return { value: median(values), unit, ...(ratios && { ratio: median(ratios) }) };
  };
  return [
    {
      name: `${name}: requests`,
      ...figure("1/s", ({ requestsPerSecond }) => requestsPerSecond),
      ...(target === undefined ? {} : { target }),
    },
    // Where the load's own process is the bottleneck, only this tells the servers apart.
    { name: `${name}: CPU time of a request`, ...figure("µs", ({ cpuMicroseconds }) => cpuMicroseconds) },
    { name: `${name}: p99`, ...figure("ms", ({ p99 }) => p99) },
  ];
}
