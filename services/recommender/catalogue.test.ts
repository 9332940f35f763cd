import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Catalogue, type CatalogueItem } from "./catalogue.ts";
import { ItemIndex } from "./item-index.ts";

const anyItem = fc.record<CatalogueItem>({
  itemId: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  name: fc.constantFrom("", 'a "lamp"'),
  categories: fc.array(fc.constantFrom("light", "table", "garden"), { maxLength: 3 }),
  price: fc.option(fc.constantFrom(1, 12.5)),
  hidden: fc.boolean(),
  since: fc.integer({ min: 0, max: 3 }),
});

describe("Catalogue", () => {
  test("after any changes it is as if it had been made of the last state of each item", () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyItem, { maxLength: 6 }), { maxLength: 6 }), (batches) => {
        const items = new ItemIndex();
        const catalogue = new Catalogue(items);
        for (const batch of batches) catalogue.apply(batch);
        const last = new Map(batches.flat().map((item) => [item.itemId, item]));
        const newest = [...last.values()].sort((a, b) => b.since - a.since || (a.itemId < b.itemId ? -1 : 1));
        const ids = (numbers: readonly number[]) => numbers.map((number) => items.id(number));
        expect(ids(catalogue.latest())).toEqual(newest.map(({ itemId }) => itemId));
        expect(catalogue.hiddenCount).toBe(newest.filter(({ hidden }) => hidden).length);
        for (const name of ["light", "table", "garden"]) {
          const category = catalogue.category(name);
          const expected = newest.filter(({ categories }) => categories.includes(name)).map(({ itemId }) => itemId);
          expect(category === undefined ? [] : ids(catalogue.latest(category))).toEqual(expected);
        }
        for (const { itemId, name, price, hidden } of newest) {
          const number = items.find(itemId) as number;
          expect(catalogue.hidden(number)).toBe(hidden);
          expect(JSON.parse(`${catalogue.label(number)}}`)).toEqual({
            item: itemId,
            ...(name === "" ? {} : { name }),
            ...(price === null ? {} : { price }),
          });
        }
      }),
    );
  });

  test("an item that it does not have is known by its id alone", () => {
    const items = new ItemIndex();
    const catalogue = new Catalogue(items);
    const number = items.intern('"');
    expect(JSON.parse(`${catalogue.label(number)}}`)).toEqual({ item: '"' });
    expect(catalogue.hidden(number)).toBe(false);
    expect(catalogue.category("none")).toBeUndefined();
  });
});
