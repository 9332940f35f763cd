import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type ActivityRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { sessionNeighbours } from "./index.ts";

const MINUTE = 60_000;

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

interface StoredSession {
  readonly session: number;
  readonly ended: number;
  readonly items: readonly string[];
}

/** The sessions and rarities that the model stores. */
function stored(activity: readonly ActivityRow[], parameters: Parameters<typeof sessionNeighbours>[0] = {}) {
  return withFit(clickhouse, activity, async (context) => {
    for (const table of ["model_sessions", "model_vectors"]) await clickhouse.command(`TRUNCATE TABLE ${table}`);
    const model = await sessionNeighbours(parameters).fit(context);
    await model.store("v");
    const sessions = await clickhouse.query<StoredSession>(
      "SELECT session, toInt32(toUnixTimestamp64Milli(ended_at)) AS ended, items FROM model_sessions ORDER BY session",
    );
    const rarities = await clickhouse.query<{ item_id: string; vector: number[] }>("SELECT * FROM model_vectors");
    const rarity = new Map(rarities.map(({ item_id, vector }) => [item_id, vector[0]!]));
    return { sessions, rarity, fault: await model.fault() };
  });
}

function view(actor: string, item: string, minute: number, session = ""): ActivityRow {
  return { actor_id: actor, item_id: item, occurred_at: minute * MINUTE, session_id: session };
}

/** Sessions by the rules, from plain lists: gaps above half an hour part them, but not where the source names them. */
function oracle(activity: readonly ActivityRow[]): string[][] {
  const groups = Map.groupBy(activity, (row) => `${row.actor_id} ${row.session_id}`);
  const sessions: { ended: number; items: string[] }[] = [];
  for (const rows of groups.values()) {
    const sorted = rows.toSorted((a, b) => a.occurred_at! - b.occurred_at! || (a.item_id < b.item_id ? -1 : 1));
    let part: ActivityRow[] = [];
    const end = () => {
      const items = [...new Set(part.map((row) => row.item_id).reverse())].reverse();
      if (items.length >= 2) sessions.push({ ended: part.at(-1)!.occurred_at!, items });
      part = [];
    };
    for (const row of sorted) {
      const last = part.at(-1);
      if (last !== undefined && row.session_id === "" && row.occurred_at! - last.occurred_at! > 30 * MINUTE) end();
      part.push(row);
    }
    end();
  }
  return sessions.sort((a, b) => b.ended - a.ended).map(({ items }) => items);
}

describe("sessionNeighbours", () => {
  test("sessions end with a pause, unless the source names them; the youngest is number 0", async () => {
    const { sessions, rarity } = await stored([
      view("ann", "a", 0),
      view("ann", "b", 10),
      view("ann", "a", 20),
      view("ann", "c", 100),
      view("ann", "d", 101),
      view("bob", "a", 0, "s"),
      view("bob", "d", 500, "s"),
      view("cid", "a", 1),
    ]);
    expect(sessions).toEqual([
      { session: 0, ended: 500 * MINUTE, items: ["a", "d"] },
      { session: 1, ended: 101 * MINUTE, items: ["c", "d"] },
      { session: 2, ended: 20 * MINUTE, items: ["b", "a"] },
    ]);
    expect([...rarity.keys()].sort()).toEqual(["a", "b", "c", "d"]);
    expect(rarity.get("a")).toBeCloseTo(Math.log(6 / 2), 6);
    expect(rarity.get("b")).toBeCloseTo(Math.log(6), 6);
  });

  test("for any activity the sessions are those of the rules", async () => {
    const rows = fc.array(
      fc.tuple(fc.constantFrom("ann", "bob"), fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("", "", "s")),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(rows, fc.infiniteStream(fc.constantFrom(1, 5, 29, 30, 31, 300)), async (events, pauses) => {
        let minute = 0;
        const activity = events.map(([actor, item, session]) => {
          minute += pauses.next().value as number;
          return view(actor, item, minute, session);
        });
        const { sessions } = await stored(activity);
        expect(sessions.map(({ items }) => items)).toEqual(oracle(activity));
      }),
      { numRuns: 15 },
    );
  });

  test("kept are the youngest sessions of each item, the youngest of all, and none of a crawler", async () => {
    const visits = Array.from({ length: 6 }, (_, number) => [
      view(`visitor ${number}`, "a", 100 * number),
      view(`visitor ${number}`, number < 2 ? "b" : "c", 100 * number + 1),
    ]).flat();
    const crawler = ["a", "b", "c", "d"].map((item, at) => view("crawler", item, 1_000 + at));
    const items = async (parameters: Parameters<typeof sessionNeighbours>[0]) =>
      (await stored([...visits, ...crawler], { longestSession: 3, ...parameters })).sessions.map((one) => one.items[1]);
    expect(await items({})).toEqual(["c", "c", "c", "c", "b", "b"]);
    expect(await items({ sessions: 1 })).toEqual(["c", "b"]);
    expect(await items({ maximumSessions: 3 })).toEqual(["c", "c", "c"]);
  });

  test("answers from what was touched last, never the item itself or a masked one, and again the same", async () => {
    const activity = [
      view("ann", "a", 0),
      view("ann", "b", 1),
      view("bob", "a", 2),
      view("bob", "b", 3),
      view("cid", "a", 4),
      view("cid", "c", 5),
      view("dan", "d", 6),
      view("dan", "c", 7),
    ];
    await withFit(clickhouse, activity, async (context) => {
      const model = await sessionNeighbours({ rarityPower: 0 }).fit(context);
      const asked = [{ recent: [0] }, { recent: [0], masked: [1] }, { recent: [3] }, { recent: [] }];
      const lists = (await ranked(context.work, model, asked, 10)).map((list) => list.map(([item]) => item));
      expect(lists).toEqual([[1, 2], [2], [2], []]);
    });
    expect(await stored(activity)).toEqual(await stored(activity.toReversed()));
  });

  test("without a session of two items it says so", async () => {
    expect((await stored([view("ann", "a", 0), view("bob", "b", 0)])).fault).toBe("no session has two items");
  });
});
