import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataFile } from "./data.ts";
import { runWell } from "./program.ts";
import { fingerprints, query } from "./tables.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "productmatcher-whole-files-"));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

async function replay(path: string): Promise<unknown> {
  return JSON.parse(await runWell("replay", dataFile(path), "--data-dir", dataDir, "--json"));
}

async function counted(statement: string): Promise<Record<string, number>> {
  const [[row] = []] = await query<Record<string, number>>(dataDir, [statement]);
  return row!;
}

describe("UCI Online Retail", () => {
  const FILE = "uci-online-retail/online_retail.parquet";

  it("is stored to the record: purchases, refunds, sessions of those who did not sign in; a second time changes nothing", async () => {
    const summary = { records: 541_909, left: 0, topics: [{ topic: "uci", events: 541_907, deadLetters: 2 }] };
    expect(await replay(FILE)).toMatchObject(summary);

    const source = `file('${dataFile(FILE)}', 'Parquet')`;
    const inFile = await counted(
      `SELECT toUInt32(countIf(Quantity < 0)) AS returned, toUInt32(-sumIf(Quantity, Quantity < 0)) AS pieces,
              toUInt32(countIf(CustomerID IS NULL)) AS anonymous,
              toUInt32(uniqExactIf(InvoiceNo, CustomerID IS NULL)) AS invoices
       FROM ${source} WHERE UnitPrice >= 0`,
    );
    const refused = await counted(
      "SELECT toUInt32(countIf(reason = 'field_type' AND path = 'UnitPrice' AND JSONExtractFloat(value, 'UnitPrice') < 0)) AS badDebt FROM dead_letters FINAL",
    );
    expect(refused).toEqual({ badDebt: 2 });
    const inTable = await counted(
      `SELECT toUInt32(countIf(event = 'refund')) AS returned, toUInt32(sumIf(quantity, event = 'refund')) AS pieces,
              toUInt32(countIf(user_id = '')) AS anonymous,
              toUInt32(uniqExactIf(actor_id, user_id = '')) AS invoices,
              toUInt32(countIf(event NOT IN ('purchase', 'refund'))) AS others,
              toUInt32(countIf(quantity = 0)) AS withoutQuantity,
              toUInt32(countIf(user_id = '' AND actor_id != concat('session:', session_id))) AS otherActors
       FROM events FINAL`,
    );
    expect(inTable).toEqual({ ...inFile, others: 0, withoutQuantity: 0, otherActors: 0 });

    const before = await fingerprints(dataDir);
    expect([before.events.rows, before.dead_letters.rows]).toEqual([541_907, 2]);
    expect(await replay(FILE)).toMatchObject(summary);
    expect(await fingerprints(dataDir)).toEqual(before);
  });
});

describe("RetailRocket", () => {
  it("is stored to the record, and a second time changes nothing", async () => {
    const file = "retailrocket-events/events.csv";
    const summary = { records: 97_381, left: 0, topics: [{ topic: "retailrocket", events: 97_381, deadLetters: 0 }] };
    expect(await replay(file)).toMatchObject(summary);
    const before = await fingerprints(dataDir);
    expect(before).toMatchObject({ events: { rows: 97_381 }, dead_letters: { rows: 0 } });
    expect(before.touches.rows).toBeGreaterThan(50_000);
    expect(before.attributed_checkouts.rows).toBeGreaterThan(1_000);
    expect(await replay(file)).toMatchObject(summary);
    expect(await fingerprints(dataDir)).toEqual(before);
  });
});
