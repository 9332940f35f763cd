import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const COMMAND = `
import { evaluateCommand } from ${JSON.stringify(resolve("services/cli/evaluate.ts"))};
await evaluateCommand().parseAsync(process.argv.slice(1), { from: "user" }).catch((error) => {
  console.error("error: " + error.message);
  process.exitCode = error.exitCode ?? 70;
});`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "productmatcher-cli-"));
  writeFileSync(join(folder, "train.txt"), "1 a b\n2 a b c\n3 a c d\n4 b d\n");
  writeFileSync(join(folder, "test.txt"), "1 c\n4 a\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command in a process whose scratch files go into a folder of its own. */
function evaluate(...options: string[]): Promise<{ code: number | null; out: string; error: string; left: string[] }> {
  const scratch = mkdtempSync(join(folder, "scratch-"));
  const child = spawn(process.execPath, ["--input-type=module", "-e", COMMAND, "--", ...options], {
    env: { ...process.env, TMPDIR: scratch },
  });
  let out = "";
  let error = "";
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    error += data;
  });
  return new Promise((done) => child.on("close", (code) => done({ code, out, error, left: readdirSync(scratch) })));
}

describe("productmatcher evaluate", () => {
  test("--json prints an object for each algorithm, and leaves nothing behind", async () => {
    const { code, out, error, left } = await evaluate("--dataset", folder, "--at", "2,1", "--json");
    expect(error).toBe(
      [
        "note: trending needs to know when events happened and was skipped",
        "note: latest needs to know when events happened and was skipped",
        "note: sessionNeighbours needs to know when events happened and was skipped",
        "note: content needs to know what items are, such as their names, and was skipped",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    const results = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(results.map((result) => result.algorithm)).toEqual([
      "popular",
      "itemNeighbours",
      "userNeighbours",
      "factorisation",
    ]);
    const names = ["recall", "ndcg", "mrr", "hitRate", "precision", "map", "coverage", "novelty", "arp", "gini"];
    const keys = [
      "algorithm",
      "lift",
      "interval",
      "cohorts",
      "fitSeconds",
      "users",
      "cases",
      ...names.flatMap((name) => [`${name}@1`, `${name}@2`]),
      "diversity@2",
    ];
    for (const result of results) {
      expect(Object.keys(result).sort()).toEqual(keys.sort());
      expect(result.users).toBe(2);
    }
    expect(results[1]["recall@2"]).toBe(1);
    expect(left).toEqual([]);
  });

  test("cohorts, tuning and a report", async () => {
    const html = join(folder, "report.html");
    const words = ["--algorithms", "itemNeighbours", "--tune", "3", "--cohorts", "--html", html];
    const lines = Array.from({ length: 40 }, (_, user) =>
      [`u${user}`, ...Array.from({ length: 8 }, (_, step) => `i${(user + step * step) % 20}`)].join(" "),
    );
    const [train, test] = [join(folder, "tuned.train.txt"), join(folder, "tuned.test.txt")];
    writeFileSync(train, `${lines.join("\n")}\n`);
    writeFileSync(test, `${lines.map((line, user) => `${line.split(" ")[0]} i${(user + 3) % 20}`).join("\n")}\n`);
    const { code, out, error } = await evaluate("--train", train, "--test", test, ...words);
    expect(error).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^itemNeighbours, 4 trials on the train part: .* \(ndcg 0\.\d{4}\)$/m);
    expect(out).toMatch(/^cohort +lists +algorithm +recall@20/m);
    expect(out).toMatch(/^lightUsers +40 +itemNeighbours +[01]\.\d{4}/m);
    expect(out).toMatch(/^newItems +0 +itemNeighbours +-/m);
    const page = readFileSync(html, "utf8");
    expect(page.match(/<svg/g)?.length).toBeGreaterThanOrEqual(5);
    expect(page).toContain("Parameters found on the train part");
  });

  test("a table for people", async () => {
    const train = join(folder, "train.txt");
    const { code, out } = await evaluate(
      "--train",
      train,
      "--test",
      join(folder, "test.txt"),
      "--algorithms",
      "popular",
    );
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toBe("Protocol user: fitted on 10 events of 4 users and 4 items, judged on 2 users");
    expect(lines[2]).toMatch(/^algorithm +recall@20 +ndcg@20 .* ndcg@20 against the best +fit seconds$/);
    expect(lines[3]).toMatch(/^popular +1\.0000 +\d\.\d{4} /);
    expect(lines).toHaveLength(4);
  });

  test.each([
    [["--dataset", "/nowhere"], /^error: \/nowhere cannot be read: ENOENT/],
    [[], /^error: name one data set: --dataset, or --data, or --train with --test/],
    [["--train", "train.txt"], /^error: --train and --test go together/],
    [
      ["--data", "x.csv", "--algorithms", "magic"],
      /^error: no algorithm magic: there are popular, trending, latest, itemNeighbours/,
    ],
    [["--data", "x.csv", "--parameter", "popular.depth=3"], /^error: popular has no parameter depth: there are length/],
    [["--data", "x.csv", "--parameter", "popular=3"], /write algorithm.parameter=number/],
    [["--data", "x.csv", "--holdout", "soon"], /write hours as 36h, days as 7d, a share as 10%/],
    [["--data", "x.csv", "--core", "1"], /write a whole number of 2 to 1000, such as 5/],
    [["--data", "x.csv", "--at", "0"], /write whole numbers of 1 to 1000/],
    [["--data", "x.csv", "--tune", "0"], /write a whole number of 1 to 1000/],
    [["--data", "x.csv", "--weight", "view=many"], /write event=number/],
    [["--data", "x.csv", "--protocol", "magic"], /Allowed choices are user, session, time/],
  ])("%j is refused", async (options, message) => {
    const { code, out, error, left } = await evaluate(...options);
    expect(error).toMatch(message);
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(left).toEqual([]);
  });
});
