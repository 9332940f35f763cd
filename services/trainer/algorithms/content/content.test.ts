import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migratedDatabase } from "../../../../test/fixtures/clickhouse.ts";
import { type CatalogueRow, ranked, withFit } from "../../../../test/fixtures/fit.ts";
import type { ClickHouse } from "../../../clickhouse/index.ts";
import { content } from "./index.ts";

let clickhouse: ClickHouse;
beforeAll(async () => {
  clickhouse = await migratedDatabase();
});
afterAll(() => clickhouse.close());

const NAMES = [
  "Red wool scarf",
  "red wool hat, warm",
  "Blue cotton scarf",
  "blue cotton shirt",
  "Garden chair of oak",
  "garden table of oak",
  "Oak chair",
  "Écharpe rouge",
];

const ITEMS: CatalogueRow[] = NAMES.map((name, at) => ({
  item_id: `item ${at}`,
  name,
  description: at % 2 === 0 ? "Made by hand" : "",
  categories: at < 4 ? ["clothes"] : ["garden", "home"],
  brand: ["Acme", "ACME", "Bolt", ""][at % 4]!,
  price: [10, 11, 0, 80][at % 4]!,
}));

/** Everyone touched the first item; the others are known from the catalogue alone. */
const ACTIVITY = [{ actor_id: "ann", item_id: "item 0" }];

const FIELDS = { words: 1, grams: 0.7, categories: 1, brand: 0.5, price: 0.3 };

/** The definition, written once more as loops. */
function termsOf({ name = "", description = "", categories = [], brand = "", price = 0 }: CatalogueRow) {
  const words = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const line = [...` ${words(name).join(" ")} `];
  const grams = line.slice(3).map((_, at) => line.slice(at, at + 4).join(""));
  return {
    words: [...words(name), ...words(description)],
    grams,
    categories: [...categories],
    brand: brand === "" ? [] : [brand.toLowerCase()],
    price: price > 0 ? [String(Math.floor(2 * Math.log2(price)))] : [],
  };
}

function cosines(): number[][] {
  const texts = ITEMS.map(termsOf);
  const vectors = texts.map((fields) => {
    const vector = new Map<string, number>();
    for (const [field, weight] of Object.entries(FIELDS)) {
      const terms = fields[field as keyof typeof FIELDS];
      const values = [...new Set(terms)].map((term) => {
        const times = terms.filter((other) => other === term).length;
        const having = texts.filter((other) => other[field as keyof typeof FIELDS].includes(term)).length;
        return [term, (1 + Math.log(times)) * Math.log((ITEMS.length + 1) / having)] as const;
      });
      const length = Math.hypot(...values.map(([, value]) => value));
      for (const [term, value] of values) vector.set(`${field} ${term}`, (weight * value) / length);
    }
    return vector;
  });
  const norms = vectors.map((vector) => Math.hypot(...vector.values()));
  return vectors.map((one, at) =>
    vectors.map((other, to) => {
      let sum = 0;
      for (const [term, value] of one) sum += value * (other.get(term) ?? 0);
      return sum / (norms[at]! * norms[to]!);
    }),
  );
}

describe("content", () => {
  test("similarities are the cosines of a brute-force TF-IDF, also of items that nobody has touched", async () => {
    const answers = await withFit(
      clickhouse,
      ACTIVITY,
      async (context) => {
        const model = await content({ newcomers: 1 }).fit(context);
        expect(await model.fault()).toBeUndefined();
        return ranked(
          context.work,
          model,
          ITEMS.map((_, item) => ({ history: [item] })),
          20,
        );
      },
      ITEMS,
    );
    const expected = cosines();
    for (const [item, list] of answers.entries()) {
      const alike = expected[item]!.flatMap((cosine, other) => (other !== item && cosine > 1e-6 ? [other] : []));
      expect(new Set(list.map(([other]) => other))).toEqual(new Set(alike));
      for (const [other, score] of list) expect(score).toBeCloseTo(expected[item]![other]!, 5);
    }
    expect(answers[0]![0]![0]).toBe(1);
    expect(answers[6]![0]![0]).toBe(4);
  });

  test("a newcomer counts as often more as asked for, and the model that is stored has it", async () => {
    await withFit(
      clickhouse,
      ACTIVITY,
      async (context) => {
        await clickhouse.command("TRUNCATE TABLE model_neighbours");
        const lists = async (newcomers: number) =>
          new Map((await ranked(context.work, await content({ newcomers }).fit(context), [{ history: [1] }], 9))[0]);
        const [plain, favoured] = [await lists(1), await lists(3)];
        expect(favoured.get(0)).toBeCloseTo(plain.get(0)!, 6);
        expect(favoured.get(2)).toBeCloseTo(3 * plain.get(2)!, 6);
        await (await content().fit(context)).store("v");
        const [row] = await clickhouse.query<{ neighbours: string[] }>(
          "SELECT neighbours FROM model_neighbours WHERE version = 'v' AND item_id = 'item 0'",
        );
        expect(row!.neighbours[0]).toBe("item 1");
      },
      ITEMS,
    );
  });

  test("vectors of the shop are searched by ClickHouse's index; those of another length, or of zeros, are not", async () => {
    const turned = (degrees: number) => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
      0,
      0,
    ];
    const vectors = [turned(0), turned(20), turned(50), turned(89), turned(170), [0, 0, 0, 0], [1, 1]];
    const items = vectors.map((embedding, at) => ({ item_id: `item ${at}`, embedding }));
    await withFit(
      clickhouse,
      ACTIVITY,
      async (context) => {
        const model = await content({ newcomers: 1 }).fit(context);
        const [list] = await ranked(context.work, model, [{ history: [0] }], 9);
        expect(list!.map(([item]) => item)).toEqual([1, 2, 3]);
        for (const [item, score] of list!) {
          expect(score).toBeCloseTo(Math.cos(([0, 20, 50, 89][item]! * Math.PI) / 180), 4);
        }
        const [explained] = await clickhouse.query<{ plan: string }>(
          `SELECT arrayStringConcat(groupArray(explain), '\n') AS plan FROM (EXPLAIN indexes = 1
           SELECT item FROM ${await vectorTable()} ORDER BY cosineDistance(vector, [1., 0., 0., 0.]) LIMIT 2)`,
        );
        expect(explained!.plan).toContain("vector_similarity");
      },
      items,
    );
  });

  test("without a catalogue it must not be served", async () => {
    await withFit(clickhouse, ACTIVITY, async (context) => {
      const model = await content().fit(context);
      expect(await model.fault()).toBe("no two items of the catalogue are alike");
    });
  });
});

async function vectorTable(): Promise<string> {
  const [row] = await clickhouse.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'training%vectors'",
  );
  return row!.name;
}
