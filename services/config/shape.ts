/** Whether a resource has the schema's shape: types, limits, names, entries that stand twice. */
import type { z } from "zod";
import { type RecommenderPipeline, recommenderPipeline } from "../../crds/index.ts";
import { valueAt } from "./defaults.ts";
import type { Finding, Path, PathSegment } from "./fault.ts";
import { nearest, suggestField } from "./suggestions.ts";

const MAX_SHOWN = 60;

export interface Shape {
  /** Absent when there are findings. */
  readonly pipeline?: RecommenderPipeline;
  readonly findings: readonly Finding[];
  /** Fields of another type than the schema's: what reads them cannot be judged. */
  readonly misshapen: readonly Path[];
}

/** @param value with defaults filled in. */
export function checkShape(value: unknown): Shape {
  const parsed = recommenderPipeline.safeParse(value);
  if (parsed.success) return { pipeline: parsed.data, findings: [], misshapen: [] };
  const { issues } = parsed.error;
  return {
    findings: issues.flatMap((issue) => findingsOf(issue, value)),
    misshapen: issues.filter(({ code }) => OF_ANOTHER_TYPE.includes(code)).map(pathOf),
  };
}

const OF_ANOTHER_TYPE: readonly z.core.$ZodIssue["code"][] = ["invalid_type", "invalid_value", "invalid_union"];

function pathOf({ path }: z.core.$ZodIssue): PathSegment[] {
  return path.map((segment) => (typeof segment === "symbol" ? String(segment) : segment));
}

function findingsOf(issue: z.core.$ZodIssue, root: unknown): Finding[] {
  const path = pathOf(issue);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => finding([...path, key], "unknown field", suggestField([...path, key])));
  }
  const value = valueAt(root, path);
  const expected = expectation(issue);
  if (expected === undefined) return [finding(path, issue.message)];
  if (value === undefined) return [finding(path, `is required: expected ${expected}`)];
  const suggestion =
    issue.code === "invalid_value" && typeof value === "string" ? nearest(value, issue.values.map(String)) : undefined;
  return [finding(path, `expected ${expected}, found ${shown(value)}`, suggestion)];
}

function finding(path: Path, message: string, suggestion?: string): Finding {
  return suggestion === undefined ? { path, message } : { path, message, suggestion };
}

/** What an issue says should have stood there; none when its own message says all of it. */
function expectation(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(", ")}`;
    case "too_big":
      return `at most ${counted(issue.maximum, issue.origin)}`;
    case "too_small":
      return `at least ${counted(issue.minimum, issue.origin)}`;
    case "invalid_format":
      return issue.format === "regex" ? `text that matches ${patternText(issue.pattern)}` : `a ${issue.format}`;
    case "invalid_union":
      return "an amount: a whole number, or text such as 500m, 2 or 4Gi";
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "text",
  int: "a whole number",
  number: "a whole number",
  boolean: "true or false",
};

function counted(count: number | bigint, origin: string): string {
  if (origin === "string") return `${count} ${count === 1 ? "character" : "characters"}`;
  return origin === "array" || origin === "map" ? `${count} ${count === 1 ? "entry" : "entries"}` : String(count);
}

/** As the reference writes it: without the slashes of JavaScript. */
function patternText(pattern = ""): string {
  return pattern.replace(/^\/(.*)\/$/, "$1").replaceAll("\\/", "/");
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object of ${Object.keys(value).length} fields`;
  const text = JSON.stringify(value);
  if (text.length <= MAX_SHOWN) return text;
  return `${text.slice(0, MAX_SHOWN)}... (${typeof value === "string" ? `${value.length} characters` : text.length})`;
}
