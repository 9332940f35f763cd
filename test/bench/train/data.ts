/** The split that is measured on: Gowalla's, which the literature reports on, else a simulated shop's. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createShop } from "../../../services/simulation/index.ts";

/** Lines of a user and its items, all of them whole numbers from 0. */
export interface SplitFiles {
  readonly name: string;
  readonly train: string;
  readonly test: string;
}

const GOWALLA = resolve(process.env.PRODUCTMATCHER_DATA ?? "../shared/data", "gowalla-lightgcn");
const SIMULATED_EVENTS = 1_000_000;
const HELD_OUT = 0.2;

export function splitFiles(): SplitFiles {
  const [train, test] = [join(GOWALLA, "train.txt"), join(GOWALLA, "test.txt")];
  if (existsSync(train) && existsSync(test)) return { name: "Gowalla", train, test };
  return simulatedFiles();
}

/** The last fifth of what each shopper turned to is held out. */
function simulatedFiles(): SplitFiles {
  const shop = createShop({ seed: 1, start: Date.UTC(2026, 0, 1), items: 20_000, shoppers: 20_000 });
  const items = new Map<string, number>();
  const histories = new Map<string, Set<number>>();
  for (const { userId, item: touched } of shop.events({ count: SIMULATED_EVENTS })) {
    if (userId === "") continue;
    const item = items.get(touched.itemId) ?? items.size;
    items.set(touched.itemId, item);
    const history = histories.get(userId) ?? new Set();
    histories.set(userId, history.add(item));
  }
  const lines = { train: [] as string[], test: [] as string[] };
  for (const [user, history] of [...histories.values()].entries()) {
    const all = [...history];
    const kept = all.length - Math.floor(all.length * HELD_OUT);
    lines.train.push([user, ...all.slice(0, kept)].join(" "));
    if (kept < all.length) lines.test.push([user, ...all.slice(kept)].join(" "));
  }
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-bench-train-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const files = { name: "a simulated shop", train: join(folder, "train.txt"), test: join(folder, "test.txt") };
  writeFileSync(files.train, `${lines.train.join("\n")}\n`);
  writeFileSync(files.test, `${lines.test.join("\n")}\n`);
  return files;
}
