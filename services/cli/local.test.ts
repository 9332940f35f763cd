import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type RunningCommand, runCommand, startCommand } from "../../test/fixtures/command.ts";

const folder = mkdtempSync(join(tmpdir(), "productmatcher-cli-"));
const dataDir = join(folder, "data");
const QUICKSTART = "examples/quickstart.yaml";

const running: RunningCommand[] = [];
afterEach(async () => {
  for (const command of running.splice(0)) {
    command.process.kill("SIGKILL");
    await command.finished;
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Started, and its address; it is at the end of its tour. */
async function local(...args: string[]): Promise<{ command: RunningCommand; address: string }> {
  const command = startCommand(["local", "-f", QUICKSTART, "--data-dir", dataDir, "--port", "0", ...args]);
  running.push(command);
  const [, address = ""] = await command.printed(/answers at (http:\S+)/);
  await command.printed(/Ctrl-C stops it/);
  return { command, address };
}

async function stop(command: RunningCommand) {
  command.process.kill("SIGINT");
  return command.finished;
}

async function track(address: string, userId: string, itemId: string): Promise<void> {
  const response = await fetch(`${address}/v1/track`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ event: "view", userId, itemId }),
  });
  expect(response.status).toBe(200);
}

interface Recommendations {
  readonly items: readonly { readonly item: string; readonly reason: { readonly because?: string } }[];
}

async function recommend(address: string, path: string): Promise<Recommendations["items"]> {
  const response = await fetch(`${address}/v1/recommendations/${path}?limit=3`);
  return ((await response.json()) as Recommendations).items;
}

/** Events of every topic that are in the table. */
async function countEvents(address: string): Promise<number> {
  const response = await fetch(`${address}/admin/topics`);
  const { counts } = (await response.json()) as { counts: { events: number }[] };
  return counts.reduce((sum, { events }) => sum + events, 0);
}

const oneLine = (start: string) => expect.stringMatching(new RegExp(`^error: [^\\n]*${start}[^\\n]*\\n$`));

describe("productmatcher local", () => {
  test("a whole life: start with a shop, tour, stop by Ctrl-C, start again and go on, reset", async () => {
    const first = await local("--simulate", "50", "--history-days", "2");
    const before = await countEvents(first.address);
    expect(before).toBeGreaterThan(1_000);

    // Who needs the folder or the port is told plainly, while this one runs.
    const { port } = new URL(first.address);
    const [held, taken, listed] = await Promise.all([
      runCommand("local", "-f", QUICKSTART, "--data-dir", dataDir, "--port", "0"),
      runCommand("local", "-f", QUICKSTART, "--data-dir", join(folder, "other"), "--port", port),
      runCommand("dead-letters", "list", "--data-dir", dataDir),
    ]);
    expect(held).toMatchObject({ code: 1, stderr: oneLine(`is held by process ${first.command.process.pid}`) });
    expect(held.stderr).toContain(first.address);
    expect(taken).toMatchObject({ code: 1, stderr: oneLine(`port ${port} on 127.0.0.1 is in use`) });
    expect(listed).toMatchObject({ code: 0, stdout: "There are no dead letters.\n" });

    // Accepted is kept, however soon the stop comes after it.
    const [popular] = await recommend(first.address, "popular");
    await track(first.address, "just-before-the-stop", popular?.item ?? "");
    const { code, stdout, stderr } = await stop(first.command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Stopped.");
    // Each stop of the tour was a real call with a real answer.
    expect(stdout.match(/^ {2}\$ curl/gm)).toHaveLength(6);
    expect(stdout.match(/^ {2}200 /gm)).toHaveLength(6);
    expect(stdout).toMatch(/^Console: http:\S+\/console\/sign-in#key=\S{20,}$/m);

    const second = await local();
    expect(await countEvents(second.address)).toBeGreaterThan(before);
    const [recommended] = await recommend(second.address, "users/just-before-the-stop");
    expect(recommended?.reason.because).toBe(popular?.item);
    expect(await stop(second.command)).toMatchObject({ code: 0, stderr: "" });

    writeFileSync(join(dataDir, "notes.txt"), "the user's own");
    const reset = await local("--reset");
    expect(await countEvents(reset.address)).toBe(0);
    expect(readFileSync(join(dataDir, "notes.txt"), "utf8")).toBe("the user's own");
    const empty = await stop(reset.command);
    expect(empty.code).toBe(0);
    // Nothing is sent to a shop of one's own.
    expect(empty.stdout.match(/^ {2}\$ curl/gm)).toHaveLength(6);
    expect(empty.stdout.match(/^ {2}200 /gm)).toHaveLength(5);
  }, 120_000);

  test("a data folder that does not serve is told in one line", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const damaged = join(folder, "damaged");
    mkdirSync(damaged);
    for (const state of ["simulation.json", "replayed-topics.json"]) writeFileSync(join(damaged, state), "[{");
    const [noFolder, noReset, noState] = await Promise.all([
      runCommand("local", "-f", QUICKSTART, "--data-dir", file),
      runCommand("local", "-f", QUICKSTART, "--data-dir", file, "--reset"),
      runCommand("local", "-f", QUICKSTART, "--data-dir", damaged, "--simulate"),
    ]);
    expect(noFolder).toMatchObject({ code: 1, stderr: oneLine(`${file} cannot keep data`) });
    expect(noReset).toMatchObject({ code: 1, stderr: oneLine(`${file} cannot keep data`) });
    expect(noState).toMatchObject({ code: 1, stderr: oneLine("replayed-topics.json is damaged") });
  }, 60_000);

  test("a resource with typos is refused, each with its place and what was probably meant; nothing is made", async () => {
    const file = join(folder, "typos.yaml");
    writeFileSync(
      file,
      readFileSync(QUICKSTART, "utf8")
        .replace("itemId: product_id", "itemID: product_id")
        .replace("training:", "trainning:"),
    );
    const elsewhere = join(folder, "never");
    const [started, validated] = await Promise.all([
      runCommand("local", "-f", file, "--data-dir", elsewhere),
      runCommand("validate", "-f", file, "--json"),
    ]);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain("trainning: unknown field; did you mean training?");
    expect(started.stderr).toContain("did you mean itemId?");
    expect(started.stderr).not.toContain("    at ");
    expect(existsSync(elsewhere)).toBe(false);
    expect(validated.code).toBe(1);
    const { faults } = JSON.parse(validated.stdout) as {
      faults: { path: string; suggestion?: string; line: number }[];
    };
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: "spec.trainning", suggestion: "training", line: expect.any(Number) }),
        expect.objectContaining({ path: expect.stringContaining("itemID"), line: expect.any(Number) }),
      ]),
    );
  });

  test.each([
    [["-f", "nowhere.yaml"], 2, "no such file"],
    [["-f", QUICKSTART, "--port", "80000"], 1, "0 to 65535"],
    [["-f", QUICKSTART, "--simulate", "fast"], 1, "above 0"],
    [["-f", QUICKSTART, "--history-days", "0"], 1, "1 to 365"],
    [[], 1, "--file"],
  ])("local %j ends with a message, no stack trace", async (args, code, message) => {
    const finished = await runCommand("local", ...args, "--data-dir", join(folder, "never"));
    expect(finished.code).toBe(code);
    expect(finished.stderr).toContain(message);
    expect(finished.stderr).not.toContain("    at ");
  });
});
