import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { simulateCommand } from "./simulate.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "productmatcher-simulate-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function simulate(name: string, ...options: string[]): Promise<{ bytes: Buffer; hash: string }> {
  const out = join(folder, name);
  await simulateCommand().parseAsync([...options, "--out", out], { from: "user" });
  const bytes = await readFile(out);
  return { bytes, hash: createHash("sha256").update(bytes).digest("hex") };
}

it.each(["seed", "segment", "retailrocket", "uci", "otto"])(
  "writes the same bytes for the same seed, others for another: %s",
  async (format) => {
    const first = await simulate("first", "--format", format, "--events", "3000", "--seed", "7");
    const again = await simulate("again", "--format", format, "--events", "3000", "--seed", "7");
    const other = await simulate("other", "--format", format, "--events", "3000", "--seed", "8");
    expect(first.bytes.length).toBeGreaterThan(1_000);
    expect(again.hash).toBe(first.hash);
    expect(other.hash).not.toBe(first.hash);
  },
);

it("writes exactly as many events as asked for, and the catalogue and users they name", async () => {
  const entities = ["--catalogue", join(folder, "items"), "--users", join(folder, "users")];
  const { bytes } = await simulate("clicks", "--events", "2345", "--items", "80", "--shoppers", "50", ...entities);
  const read = async (name: string) => (await readFile(join(folder, name), "utf8")).trimEnd().split("\n");
  const events = bytes
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const items = new Set((await read("items")).map((line) => JSON.parse(line).itemId));
  const users = new Set((await read("users")).map((line) => JSON.parse(line).userId));
  expect(events).toHaveLength(2345);
  expect(events.every(({ user_id, product_id }) => users.has(user_id) && items.has(product_id))).toBe(true);
  expect([items.size >= 80, users.size]).toEqual([true, 50]);
});

it("begins at the start it is given, read as UTC", async () => {
  const { bytes } = await simulate("march", "--events", "1", "--format", "retailrocket", "--start", "2025-03-01T06:00");
  const time = Number(bytes.toString().split("\n")[1]?.split(",")[0]) * 1000;
  expect(time - Date.UTC(2025, 2, 1, 6)).toBeGreaterThanOrEqual(0);
  expect(time - Date.UTC(2025, 2, 1, 6)).toBeLessThan(3_600_000);
});

it.each([
  [["--format", "uci"], "name it with --out FILE"],
  [["--json"], "write the events to --out FILE"],
  [["--events", "0"], "a whole number of at least 1"],
  [["--start", "yesterday"], "expected a time from 2000 on"],
  [["--format", "csv"], "Allowed choices are seed"],
])("refuses %j with the fix", async (options, message) => {
  let said = "";
  const command = simulateCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text) });
  await expect(command.parseAsync(options, { from: "user" })).rejects.toMatchObject({ exitCode: 1 });
  expect(said).toContain(message);
});

it.each([["--out"], ["--catalogue"], ["--users"]])("says at once that a file cannot be written: %s", async (option) => {
  const path = join(folder, "absent", "file");
  const options = [...(option === "--out" ? [] : ["--out", join(folder, "unwritten")]), option, path];
  await expect(simulateCommand().parseAsync(options, { from: "user" })).rejects.toMatchObject({
    name: "CommandError",
    exitCode: 2,
    message: `${path} cannot be written: no such folder`,
  });
});

it("ends without a fault when its reader has seen enough", async () => {
  const program = `
    import { simulateCommand } from ${JSON.stringify(new URL("./simulate.ts", import.meta.url).href)};
    await simulateCommand().parseAsync(["--events", "1000000"], { from: "user" });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints += chunk));
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = await once(child, "exit");
  expect([code, complaints.includes("Error")]).toEqual([0, false]);
});
