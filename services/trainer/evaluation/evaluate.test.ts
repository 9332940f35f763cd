import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyDatabase } from "../../../test/fixtures/clickhouse.ts";
import type { ClickHouse } from "../../clickhouse/index.ts";
import { ALGORITHMS } from "../algorithms/index.ts";
import type { Metrics } from "../judging/metrics.ts";
import { type AlgorithmResult, type EvaluationOptions, type EvaluationReport, evaluate } from "./evaluate.ts";
import { DataSetError } from "./fault.ts";

const SECOND = 1_767_225_600;

/** Twelve shoppers of two tastes; of each, the last of six items is held out. */
interface Touch {
  readonly user: string;
  readonly item: string;
  readonly seconds: number;
}

const TOUCHES: readonly Touch[] = Array.from({ length: 12 }, (_, user) =>
  Array.from({ length: 6 }, (_, step) => ({
    user: `u${user}`,
    item: `0${2 * ((step + Math.floor(user / 2)) % 9) + (user % 2)}`,
    seconds: SECOND + step * 3600 + user,
  })),
).flat();
const isHeldOut = (touch: Touch) => touch.seconds >= SECOND + 5 * 3600;
const TRAIN = TOUCHES.filter((touch) => !isHeldOut(touch));
const TEST = TOUCHES.filter(isHeldOut);

/** Of files that say nothing of their items. */
const PLAIN = [...ALGORITHMS.values()].filter(({ needsCatalogue }) => !needsCatalogue);

let clickhouse: ClickHouse;
let folder: string;
beforeAll(async () => {
  clickhouse = await emptyDatabase();
  folder = mkdtempSync(join(tmpdir(), "productmatcher-evaluation-"));
});
afterAll(async () => {
  await clickhouse.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function run(files: EvaluationOptions["files"], more: Partial<EvaluationOptions> = {}) {
  return evaluate(clickhouse, {
    files,
    reading: { fields: {}, eventNames: {} },
    holdout: { share: 0.1 },
    algorithms: PLAIN,
    cutoffs: [3],
    weights: { view: 1, click: 1, add_to_cart: 3, purchase: 8 },
    halfLifeDays: 30,
    now: Date.now,
    ...more,
  });
}

const csv = (touches: readonly Touch[], separator = ",") => [
  ["timestamp", "userId", "itemId"].join(separator),
  ...touches.map(({ user, item, seconds }) => [seconds, user, item].join(separator)),
];
const lists = (touches: readonly Touch[]) =>
  [...Map.groupBy(touches, (touch) => touch.user)].map(([user, own]) => [user, ...own.map((t) => t.item)].join(" "));
const json = (touches: readonly Touch[]) =>
  touches.map(({ user, item, seconds }) =>
    JSON.stringify({ user_id: user, product_id: item, datetime: new Date(seconds * 1000).toISOString() }),
  );

function metricsOf(report: EvaluationReport, algorithm: string): Metrics {
  return report.results.find((result) => result.algorithm === algorithm)!.metrics;
}

describe("formats", () => {
  /** What every format must give: that of the lists, where nothing is known but who and what. */
  async function reference() {
    const report = await run({ train: file("r.train.txt", lists(TRAIN)), test: file("r.test.txt", lists(TEST)) });
    return report.results.find((result) => result.algorithm === "itemNeighbours")!.metrics;
  }

  test.each([
    ["lists", "txt", lists],
    ["csv", "csv", (touches: readonly Touch[]) => csv(touches)],
    ["csv with semicolons", "csv", (touches: readonly Touch[]) => csv(touches, ";")],
    ["tsv", "tsv", (touches: readonly Touch[]) => csv(touches, "\t")],
    ["tsv by its first line", "txt", (touches: readonly Touch[]) => csv(touches, "\t")],
    ["JSON lines", "jsonl", json],
  ])("%s", async (_, extension, write) => {
    const report = await run(
      { train: file(`a.${extension}`, write(TRAIN)), test: file(`b.${extension}`, write(TEST)) },
      { protocol: "user", halfLifeDays: null },
    );
    expect(report.train).toEqual({ events: 60, users: 12, items: 18 });
    expect(report.test).toEqual({ users: 12, cases: 12 });
    const neighbours = report.results.find((result) => result.algorithm === "itemNeighbours")!;
    expect(neighbours.metrics).toEqual(await reference());
    expect(neighbours.metrics["recall@3"]).toBeGreaterThan(0.5);
  });

  test("Parquet, by time: the youngest events are held out", async () => {
    const path = join(folder, "whole.parquet");
    await clickhouse.command(
      `INSERT INTO FUNCTION file('${path}', Parquet) SELECT user AS CustomerID, item AS StockCode, toDateTime64(seconds, 3, 'UTC') AS InvoiceDate, toInt64(1) AS Quantity
       FROM format(JSONEachRow, 'user String, item String, seconds UInt32', $$${TOUCHES.map((touch) => JSON.stringify(touch)).join("\n")}$$)`,
    );
    const report = await run({ data: path }, { holdout: { hours: 0.9 } });
    expect(report.protocol).toBe("time");
    expect(report.train).toEqual({ events: 60, users: 12, items: 18 });
    expect(report.test).toEqual({ users: 12, cases: 12 });
    expect(report.results.map((result) => result.algorithm)).toEqual(PLAIN.map(({ name }) => name));
    expect(report.notices).toEqual([]);
  });

  test("sessions that hold their events in a list", async () => {
    const sessions = [...Map.groupBy(TOUCHES, (touch) => touch.user)].map(([session, own]) =>
      JSON.stringify({ session, events: own.map((t) => ({ aid: t.item, ts: t.seconds * 1000, type: "clicks" })) }),
    );
    const report = await run({ data: file("sessions.jsonl", sessions) }, { holdout: { hours: 0.9 } });
    expect(report.train).toEqual({ events: 60, users: 12, items: 18 });
    expect(report.test.users).toBe(12);
  });

  test("columns and events of other names, times of another form", async () => {
    const rows = (touches: readonly Touch[]) => [
      "wer,was,wann,wie",
      ...touches.map(({ user, item, seconds }) => {
        const [day, time] = new Date(seconds * 1000).toISOString().split("T");
        return `${user},${item},${day!.split("-").reverse().join(".")} ${time!.slice(0, 8)},gekauft`;
      }),
    ];
    const reading = {
      fields: { user: "wer", item: "was", time: "wann", event: "wie" },
      timeFormat: "dd.MM.yyyy HH:mm:ss",
      eventNames: { gekauft: "purchase" },
    };
    const report = await run({ data: file("verkauf.csv", rows(TOUCHES)) }, { reading, holdout: { hours: 0.9 } });
    expect(report.train).toEqual({ events: 60, users: 12, items: 18 });
    expect(report.notices).toEqual([]);
  });
});

describe("items", () => {
  const rows = (named: boolean) => [
    named ? "user,item,time,Title,Unit price,kind" : "user,item,time",
    ...[
      ["ann", "lamp1", 1, "green lamp", 10, "light"],
      ["ann", "lamp2", 2, "red lamp", 11, "light"],
      ["bob", "rug1", 3, "wool rug", 90, "floor"],
      ["bob", "rug2", 4, "cotton rug", 95, "floor"],
      ["cy", "desk", 5, "oak desk", 300, "office"],
      ["cy", "chair", 6, "oak chair", 80, "office"],
      ["ann", "lamp3", 3600, "blue lamp", 12, "light"],
      ["bob", "rug3", 3601, "silk rug", 99, "floor"],
    ].map((row) => row.slice(0, named ? 6 : 3).join(",")),
  ];
  const content = [ALGORITHMS.get("content")!, ALGORITHMS.get("itemNeighbours")!];

  test("what files say of them is found: content lists what nobody had touched, neighbours cannot", async () => {
    const data = file("named.csv", rows(true));
    const reading = { fields: { category: "kind" }, eventNames: {} };
    const report = await run({ data }, { reading, algorithms: content, holdout: { hours: 0.5 }, cutoffs: [1] });
    expect(report.train).toEqual({ events: 6, users: 3, items: 6 });
    const found = metricsOf(report, "content");
    expect(found).toMatchObject({ "coldRecall@1": 1, "recall@1": 1 });
    expect(found["coldRandom@1"]).toBeCloseTo(1 / 6, 9);
    expect(metricsOf(report, "itemNeighbours")["coldRecall@1"]).toBe(0);
  });

  test("where files say nothing of them, content is skipped, and there is nothing to tell cold ones by", async () => {
    const report = await run({ data: file("bare.csv", rows(false)) }, { algorithms: content, holdout: { hours: 0.5 } });
    expect(report.results.map(({ algorithm }) => algorithm)).toEqual(["itemNeighbours"]);
    expect(report.notices).toEqual(["content needs to know what items are, such as their names, and was skipped"]);
    expect(metricsOf(report, "itemNeighbours")).not.toHaveProperty("coldRecall@3");
  });
});

describe("protocols", () => {
  test("session: after each beginning, the next item; what was seen may come again", async () => {
    const rows = (sessions: readonly (readonly string[])[], from: number) => [
      "SessionId\tItemId\tTime",
      ...sessions.flatMap((items, session) =>
        items.map((item, step) => `${from + session}\t${item}\t${SECOND + step}.0`),
      ),
    ];
    const train = file(
      "s.train.txt",
      rows(
        [
          ["a", "b"],
          ["a", "b"],
          ["c", "d"],
        ],
        0,
      ),
    );
    const test = file("s.test.txt", rows([["a", "b", "a", "x"], ["c", "d"], ["a"]], 100));
    const report = await run({ train, test }, { cutoffs: [1, 3] });
    expect(report.protocol).toBe("session");
    expect(report.test).toEqual({ users: 2, cases: 4 });
    const neighbours = report.results.find((result) => result.algorithm === "itemNeighbours")!;
    // a -> b, a b -> a and c -> d are found first; x, which nobody knows, never.
    expect(neighbours.metrics).toMatchObject({ "hitRate@1": 0.75, "mrr@3": 0.75, "recall@3": 0.75 });
  });

  test("session, of one file: judged are the sessions that began in the holdout", async () => {
    const rows = ["session,item,time", "1,a,1", "1,b,2", "2,a,1", "2,b,3599", "3,a,3601", "3,b,3602", "2,c,7200"];
    const report = await run(
      { data: file("o.csv", rows) },
      { protocol: "session", holdout: { hours: 1 }, cutoffs: [1] },
    );
    expect(report.train.events).toBe(4);
    expect(report.test).toEqual({ users: 1, cases: 1 });
    expect(metricsOf(report, "sessionNeighbours")).toMatchObject({ "hitRate@1": 1 });
  });

  test("user: items of the train part are neither listed nor held out; an unknown user counts", async () => {
    const train = file("u.train.txt", ["1 a b", "2 a b c", "3 a b c"]);
    const test = file("u.test.txt", ["1 a c", "4 c", "2 a"]);
    const report = await run({ train, test }, { cutoffs: [1] });
    expect(report.protocol).toBe("user");
    expect(report.test).toEqual({ users: 2, cases: 2 });
    const metrics = new Map(report.results.map((result) => [result.algorithm, result.metrics]));
    expect(metrics.get("itemNeighbours")).toMatchObject({ "recall@1": 0.5, "ndcg@1": 0.5 });
    // To user 4 the most popular is a; to user 1, who has it, c.
    expect(metrics.get("popular")).toMatchObject({ "recall@1": 0.5, "coverage@1": 2 / 3 });
  });

  test("time: those who came later are not judged", async () => {
    const rows = [
      "user,item,time",
      "1,a,2026-01-01",
      "1,b,2026-01-01",
      "2,a,2026-01-02",
      "2,b,2026-01-09",
      "3,a,2026-01-09",
    ];
    const report = await run({ data: file("t.csv", rows) }, { holdout: { hours: 24 }, cutoffs: [1] });
    expect(report.train.events).toBe(3);
    expect(report.test).toEqual({ users: 1, cases: 1 });
    expect(metricsOf(report, "itemNeighbours")).toMatchObject({ "recall@1": 1 });
  });

  test("last: each user's last item is held out with all that the user did with it; users of one item stay whole", async () => {
    const rows = [
      "user,item,time",
      "1,a,1",
      "1,c,2",
      "1,b,3",
      "1,c,4",
      "2,a,5",
      "2,b,6",
      "2,c,7",
      "3,a,8",
      "4,b,1",
      "4,c,1",
    ];
    const report = await run({ data: file("l.csv", rows) }, { holdout: "last", cutoffs: [1] });
    expect(report.protocol).toBe("user");
    // 1: a b | c; 2: a b | c; 3: a; 4: b | c, which is the later line.
    expect(report.train).toMatchObject({ events: 6, users: 4 });
    expect(report.test).toEqual({ users: 3, cases: 3 });
    // Nobody has c any more.
    expect(metricsOf(report, "popular")).toMatchObject({ "recall@1": 0 });
    const whole = await run({ data: file("l2.csv", csv(TOUCHES)) }, { holdout: "last", algorithms: PLAIN });
    const parts = await run(
      { train: file("l.a.csv", csv(TRAIN)), test: file("l.b.csv", csv(TEST)) },
      { protocol: "user" },
    );
    expect(whole.test).toEqual(parts.test);
    expect(metricsOf(whole, "itemNeighbours")).toEqual(metricsOf(parts, "itemNeighbours"));
  });

  test("last goes by lines where there are no times", async () => {
    const report = await run({ data: file("l.txt", ["1 a b c", "2 a c b"]) }, { holdout: "last", cutoffs: [1] });
    expect(report.train).toMatchObject({ events: 4, users: 2 });
    expect(report.test).toEqual({ users: 2, cases: 2 });
  });

  test("what was taken back is neither a last item nor one that counts", async () => {
    const rows = ["1,a,1,1", "1,b,1,2", "1,c,1,3", "1,c,-1,4", "2,a,1,1", "2,b,1,2", "3,c,1,1"];
    const path = file("back.csv", ["user,item,quantity,time", ...rows]);
    const report = await run({ data: path }, { holdout: "last", core: 2, cutoffs: [1] });
    expect(report.notices).toContain("--core 2 leaves 4 of 7 events");
    expect(report.test).toEqual({ users: 2, cases: 2 });
    const last = await run({ data: path }, { holdout: "last", cutoffs: [1] });
    expect(last.train.users).toBe(3);
    expect(last.test).toEqual({ users: 2, cases: 2 });
  });

  test("items that the core leaves out are nobody's candidates", async () => {
    const rows = ["1", "2", "3"].flatMap((user) => [`${user},a,1,x`, `${user},b,2,x`, `${user},c,3,x`]);
    const path = file("titles.csv", ["user,item,time,title", ...rows, "4,z,1,x"]);
    const content = [...ALGORITHMS.values()].filter(({ name }) => name === "content");
    const report = await run({ data: path }, { holdout: "last", core: 2, algorithms: content, cutoffs: [1] });
    expect(metricsOf(report, "content")).toMatchObject({ "recall@1": 1 });
  });

  test("core: users and items with too little go, and those that have too little without them", async () => {
    const pairs = ["1 a b", "2 a b", "3 a b c", "4 c d", "5 d"];
    // d has 4 and 5; 5 has d alone: without 5, d has one user, then 4 has c alone, then c has 3 alone.
    const rows = pairs.flatMap((line, at) =>
      line
        .split(" ")
        .slice(1)
        .map((item, place) => `${line[0]},${item},view,${100 * place + at}`),
    );
    const path = file("core.csv", ["user,item,event,time", ...rows, "4,a,gaze,7"]);
    const report = await run({ data: path }, { holdout: "last", core: 2, cutoffs: [1] });
    expect(report.notices).toContain("--core 2 leaves 6 of 11 events");
    expect(report.train).toMatchObject({ users: 3 });
    expect(report.test).toEqual({ users: 3, cases: 3 });
    await expect(run({ data: path }, { core: 4 })).rejects.toThrow(
      /core\.csv: nothing is left of it with --core 4; events gaze \(1\) have no weight/,
    );
  });

  test("each algorithm is compared with the best of the run", async () => {
    const report = await run({ data: file("c.csv", csv(TOUCHES)) }, { holdout: { hours: 0.9 } });
    const ndcg = (result: AlgorithmResult) => result.metrics["ndcg@3"]!;
    const [best] = report.results.filter((result) => result.lift === null);
    expect(Math.max(...report.results.map(ndcg))).toBe(ndcg(best!));
    for (const result of report.results) {
      if (result.lift === null) continue;
      expect(result.lift.percent).toBeCloseTo(100 * (ndcg(result) / ndcg(best!) - 1), 6);
      expect(result.lift.low).toBeLessThanOrEqual(result.lift.percent);
      expect(result.lift.high).toBeGreaterThanOrEqual(result.lift.percent);
    }
  });

  test("without times there is neither trend nor session, and it says so", async () => {
    const report = await run({ train: file("n.train.txt", lists(TRAIN)), test: file("n.test.txt", lists(TEST)) });
    expect(report.results.map((result) => result.algorithm)).toEqual([
      "popular",
      "itemNeighbours",
      "userNeighbours",
      "factorisation",
      "neural",
    ]);
    expect(report.notices).toEqual([
      "trending needs to know when events happened and was skipped",
      "latest needs to know when events happened and was skipped",
      "sessionNeighbours needs to know when events happened and was skipped",
    ]);
  });

  test("events weigh, negative quantities take back, events without a weight are named", async () => {
    const rows = ["customer,sku,time,event", "1,a,2026-01-01,view", "1,b,2026-01-01,wink", "2,b,2026-01-01,view"];
    const held = ["1,c,2026-01-02,view"];
    const report = await run({ train: file("w.train.csv", rows), test: file("w.test.csv", [rows[0]!, ...held]) });
    expect(report.train).toEqual({ events: 2, users: 2, items: 2 });
    expect(report.notices).toEqual(["events wink (1) have no weight: give one with --weight wink=1"]);

    const invoices = [
      "CustomerID,InvoiceNo,StockCode,Quantity,InvoiceDate",
      "1,i1,a,2,2026-01-01",
      "1,c1,a,-2,2026-01-02",
      "1,i2,b,1,2026-01-03",
      ",i3,b,1,2026-01-03",
      ",,b,1,2026-01-03",
      "1,i4,c,1,2026-01-09",
    ];
    const sales = await run({ data: file("sales.csv", invoices) }, { holdout: { hours: 24 } });
    expect(sales.train).toEqual({ events: 3, users: 2, items: 1 });
    expect(sales.notices[0]).toMatch(/sales\.csv: 1 of 6 rows have no user or no item and were left out$/);
  });
});

describe("faults name the file, the place and what to do", () => {
  const good = csv(TOUCHES);
  test.each<[string, () => EvaluationOptions["files"], Partial<EvaluationOptions>, string, RegExp]>([
    ["no file", () => ({ data: "/nowhere.csv" }), {}, "file_unreadable", /^\/nowhere\.csv cannot be read: ENOENT/],
    ["an empty file", () => ({ data: file("empty.csv", []) }), {}, "file_unreadable", /empty\.csv/],
    [
      "no column for the user",
      () => ({ data: file("nouser.csv", ["wer,item,time", "1,2,3"]) }),
      {},
      "column_missing",
      /nouser\.csv has no column for the user \(looked for user, userid, .*; it has wer, item, time: name one with --user$/,
    ],
    [
      "a column that is not there",
      () => ({ data: file("col.csv", good) }),
      { reading: { fields: { item: "sku" }, eventNames: {} } },
      "column_missing",
      /col\.csv has no column sku \(--item\); it has timestamp, userId, itemId$/,
    ],
    [
      "no column for the time",
      () => ({ data: file("notime.csv", ["user,item", "1,2"]) }),
      {},
      "column_missing",
      /notime\.csv has no column for the time .* --time$/,
    ],
    [
      "a time that is none",
      () => ({ data: file("badtime.csv", [...good, "yesterday,u1,05", "later,u1,06"]) }),
      {},
      "value_invalid",
      /badtime\.csv, column timestamp, row 73: "yesterday" is not a time \(2 such rows\); say how to read it with --time-format$/,
    ],
    [
      "a quantity that is none",
      () => ({ data: file("badqty.csv", ["user,item,time,quantity", "1,2,2026-01-01,many"]) }),
      {},
      "value_invalid",
      /badqty\.csv, column quantity, row 1: "many" is not a quantity/,
    ],
    [
      "a broken line",
      () => ({ data: file("broken.jsonl", [...json(TOUCHES), '{"user_id": "u1", ']) }),
      {},
      "file_unreadable",
      /broken\.jsonl cannot be read as jsonl: /,
    ],
    [
      "lists have no times",
      () => ({ data: file("l.txt", lists(TRAIN)) }),
      {},
      "column_missing",
      /l\.txt lists items without times: use --protocol user, or --holdout last for one file$/,
    ],
    [
      "nothing to judge",
      () => ({ train: file("x.train.txt", ["1 a b"]), test: file("x.test.txt", ["1 a"]) }),
      {},
      "nothing_to_judge",
      /no user of the test part has an item that it did not have/,
    ],
    [
      "a protocol by time where each user's last item is held out",
      () => ({ data: file("last.csv", good) }),
      { holdout: "last", protocol: "time" },
      "option_invalid",
      /--protocol time goes by time, --holdout last does not/,
    ],
    [
      "users of a file that goes by time",
      () => ({ data: file("user.csv", good) }),
      { protocol: "user" },
      "option_invalid",
      /needs --train and --test, or --holdout last/,
    ],
    [
      "the last items of a data set that is split",
      () => ({ train: file("z.train.txt", ["1 a b"]), test: file("z.test.txt", ["1 c"]) }),
      { holdout: "last" },
      "option_invalid",
      /--holdout last is for one file/,
    ],
    [
      "one item a user, of which the last is to be held out",
      () => ({ data: file("one.csv", ["user,item,time", "1,a,1", "2,b,1"]) }),
      { holdout: "last" },
      "nothing_to_judge",
      /no user has two items/,
    ],
    [
      "the core of a data set that is split",
      () => ({ train: file("y.train.txt", ["1 a b"]), test: file("y.test.txt", ["1 c"]) }),
      { core: 5 },
      "option_invalid",
      /--core is for one file/,
    ],
    ["a name that means many files", () => ({ data: "/tmp/*.csv" }), {}, "file_unreadable", /rename it/],
  ])("%s", async (_, files, options, code, message) => {
    const fault = await run(files(), options).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(DataSetError);
    expect(fault).toMatchObject({ code, message: expect.stringMatching(message) });
    const left = await clickhouse.query("SELECT name FROM system.tables WHERE database = currentDatabase()");
    expect(left).toEqual([]);
  });
});
