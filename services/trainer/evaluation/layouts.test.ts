import { expect, test } from "vitest";
import { layoutOf } from "./layouts.ts";

test.each<[string, string[], object]>([
  ["a split of the papers", ["train.txt", "test.txt", "README.md"], { train: "d/train.txt", test: "d/test.txt" }],
  ["with a validation part", ["test.txt", "train.txt", "valid.txt"], { train: "d/train.txt", test: "d/test.txt" }],
  ["events and what is held out", ["events.csv", "test.csv"], { train: "d/events.csv", test: "d/test.csv" }],
  ["one file", ["online_retail.parquet", "LICENCE"], { data: "d/online_retail.parquet" }],
])("%s", (_, entries, expected) => {
  expect(layoutOf("d", entries)).toEqual(expected);
});

test.each([
  [["a.csv", "b.csv"], /^d: expected train\.\* and test\.\*.*; it has a\.csv, b\.csv\. Name files with --train/],
  [[], /it is empty/],
])("a folder of something else: %j", (entries, message) => {
  expect(() => layoutOf("d", entries)).toThrow(message);
});
