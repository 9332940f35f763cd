import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { pipelineSchema, recommenderPipeline } from "../../crds/index.ts";
import { isRecord, withDefaults } from "./defaults.ts";
import { faultText } from "./fault.ts";
import { readPipelines } from "./read.ts";

const example = (name: string) => readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), "utf8");
const MINIMAL = example("minimal");
const STOREFRONT = example("storefront");

const read = (text: string) => readPipelines(text, { source: "f.yaml" });
const faultsOf = (text: string) => read(text).faults.map(faultText);

/** The smallest resource with lines in place of `spec.serving`. */
function withServing(...lines: string[]): string {
  return `${MINIMAL}  serving:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}
const FIRST_SERVING_LINE = MINIMAL.split("\n").length + 1;

describe("defaults", () => {
  it("are those of the contract", () => {
    const [pipeline] = read(MINIMAL).pipelines;
    expect(pipeline?.spec).toEqual({
      paused: false,
      source: {
        kafka: {
          bootstrapServers: ["kafka:9092"],
          topicDefaults: { partitions: 12, replicationFactor: 3, retentionHours: 168 },
        },
        startFrom: "Earliest",
        topics: [{ name: "shop-events", record: "Event", format: "JSON" }],
      },
      attribution: { touches: ["view", "click"], conversions: ["purchase"], credit: "FirstTouch", windowSeconds: 3600 },
      privacy: { ipAddress: "Truncate", userAgent: "Family" },
      sink: {
        clickhouse: {
          url: "http://clickhouse:8123",
          credentials: { secretRef: { name: "clickhouse" }, usernameKey: "username", passwordKey: "password" },
          adopt: false,
        },
      },
      consumer: { replicas: 2 },
      training: {
        suspend: false,
        timeZone: "Etc/UTC",
        timeoutMinutes: 120,
        lookbackDays: 90,
        minEvents: 1000,
        weights: { view: 1, click: 1, add_to_cart: 3, purchase: 8 },
        halfLifeDays: 30,
        algorithms: ["itemNeighbours", "sessionNeighbours", "hybrid"],
        evaluation: { holdoutHours: 24, metric: "NDCG", k: 20 },
        gate: {
          minLiftPercent: 0,
          maxDropPercent: 1,
          confidencePercent: 95,
          minCoveragePercent: 5,
          maxModelMegabytes: 1024,
        },
        keepVersions: 5,
      },
      serving: { replicas: 2, sessionMinutes: 120, seen: "Decay", diversityPercent: 0 },
      objectives: { freshnessSeconds: 5, lag: 100_000, latencyMilliseconds: 20, modelAgeHours: 24 },
      networkPolicies: "Ingress",
      deletionPolicy: "Retain",
    });
  });

  it.each([
    ["minimal", MINIMAL],
    ["storefront", STOREFRONT],
  ])("filled in from the definition equal those of the type (%s)", (_, text) => {
    const document: unknown = parse(text);
    expect(recommenderPipeline.parse(document)).toEqual(withDefaults(pipelineSchema, document).value);
  });

  it("replace a map as a whole", () => {
    const [pipeline] = read(`${MINIMAL}  training: { weights: { view: 2 } }\n`).pipelines;
    expect(pipeline?.spec.training.weights).toEqual({ view: 2 });
  });

  it("take a field without a value as absent, and say so", () => {
    const { pipelines, notes } = read(`${MINIMAL}  collector:\n  privacy:\n`);
    expect(pipelines[0]?.spec.collector).toBeUndefined();
    expect(pipelines[0]?.spec.privacy).toEqual({ ipAddress: "Truncate", userAgent: "Family" });
    expect(notes[0]).toBe("f.yaml: spec.collector has no value and counts as absent; write {} to switch a part on");
  });
});

describe("the examples", () => {
  const files = readdirSync(new URL("../../examples/", import.meta.url)).filter((name) => name.endsWith(".yaml"));

  it.each(files)("%s holds whole documents, and pipelines without a fault", (file) => {
    const text = example(file.replace(/\.yaml$/, ""));
    const documents = parseAllDocuments(text);
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    const resources = documents.map((document) => document.toJS());
    for (const resource of resources) {
      expect(resource).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
      expect(resource.metadata.name).toMatch(/^[a-z]/);
    }
    const own = resources.filter(({ kind }) => kind === "RecommenderPipeline");
    if (own.length > 0) expect(read(text)).toMatchObject({ faults: [], pipelines: own.map(() => expect.anything()) });
  });

  it.each(["minimal", "storefront"])("%s is valid", (name) => {
    const { pipelines, faults, notes } = read(example(name));
    expect({ faults, notes }).toEqual({ faults: [], notes: [] });
    expect(pipelines).toHaveLength(1);
  });

  it("say the same as JSON", () => {
    const json = JSON.stringify(parse(STOREFRONT), null, 2);
    expect(read(json).pipelines).toEqual(read(STOREFRONT).pipelines);
  });
});

describe("a fault", () => {
  it.each([
    [
      "a misspelt field",
      "autoscaling: { maxReplicas: 4, targetCpuPercents: 50 }",
      "autoscaling.targetCpuPercents: unknown field; did you mean targetCPUPercent?",
    ],
    [
      "a field in the wrong place",
      "maxReplicas: 4",
      "maxReplicas: unknown field; did you mean serving.autoscaling.maxReplicas?",
    ],
    ["a field of another role", "writeKeys: []", "writeKeys: unknown field; did you mean collector.writeKeys?"],
    [
      "a misspelt field that stands elsewhere",
      "pinnedVersions: v1",
      "pinnedVersions: unknown field; did you mean serving.model.pinnedVersion?",
    ],
    ["a field like none", "zzzzzz: 1", "zzzzzz: unknown field"],
    ["text for a number", 'replicas: "3"', 'replicas: expected a whole number, found "3"'],
    ["a fraction", "replicas: 1.5", "replicas: expected a whole number, found 1.5"],
    ["a number above its limit", "replicas: 1001", "replicas: expected at most 1000, found 1001"],
    ["a number below its limit", "replicas: -1", "replicas: expected at least 0, found -1"],
    [
      "a choice in small letters",
      "seen: exclude",
      'seen: expected one of Exclude, Decay, Include, found "exclude"; did you mean Exclude?',
    ],
    ["a choice like none", "seen: 7", "seen: expected one of Exclude, Decay, Include, found 7"],
    ["a list for an object", "model: [a]", "model: expected an object, found a list of 1"],
    ["an object for a list", "rules: { a: 1 }", "rules: expected a list, found an object of 1 fields"],
    ["a missing field", "autoscaling: {}", "autoscaling.maxReplicas: is required: expected a whole number"],
    [
      "an entry that stands twice",
      "allowedOrigins: [a, b, a]",
      'allowedOrigins[2]: "a" is in the list already: each entry once',
    ],
    [
      "an empty list",
      "apiKeys: [{ name: a, scopes: [], secretKeyRef: { name: a, key: b } }]",
      "apiKeys[0].scopes: expected at least 1 entry, found a list of 0",
    ],
    [
      "a name in capitals",
      "rules: [{ name: Spring, type: Filter, items: 'true' }]",
      'rules[0].name: expected text that matches ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$, found "Spring"',
    ],
    [
      "an amount that is none",
      "resources: { limits: { memory: [] } }",
      "resources.limits.memory: expected an amount: a whole number, or text such as 500m, 2 or 4Gi, found a list of 0",
    ],
    [
      "too many entries of a map",
      `resources: { limits: { ${[..."abcdefghi"].map((c) => `${c}: 1`).join(", ")} } }`,
      "resources.limits: expected at most 8 entries, found an object of 9 fields",
    ],
  ])("names %s, its line and what was meant", (_, line, fault) => {
    expect(faultsOf(withServing("sessionMinutes: 60", line))).toEqual([
      `f.yaml:${FIRST_SERVING_LINE + 1}  spec.serving.${fault}`,
    ]);
  });

  it("does not hide others", () => {
    const text = withServing("replicas: many", "rules:", "  - { name: a, type: Filter, items: 'item.stock >' }");
    expect(faultsOf(`${text}    sen: Decay\n  training: { schedule: never, algorithms: [hybrid] }\n`)).toHaveLength(5);
  });

  it("of text too long shows its length, not all of it", () => {
    const [fault] = faultsOf(`${MINIMAL}  image: ${"x".repeat(600)}\n`);
    expect(fault).toContain("expected at most 512 characters");
    expect(fault).toContain("600 characters");
    expect(fault!.length).toBeLessThan(250);
  });

  it("of a list entry points at the entry's own line", () => {
    const rules = ["rules:", "  - name: a", "    type: Filter", "    items: 'true'", "  - name: a", "    type: Pin"];
    expect(faultsOf(withServing(...rules)).map((fault) => fault.split("  ")[0])).toEqual(
      [4, 4, 4].map((line) => `f.yaml:${FIRST_SERVING_LINE + line}`),
    );
  });

  it("is found behind anchors and merged keys", () => {
    const scaling = ["autoscaling: &scaling { maxReplicas: 9 }"];
    const text = `${withServing(...scaling)}  collector: { autoscaling: { <<: *scaling, maxReplica: 3 } }\n`;
    expect(faultsOf(text)).toEqual([
      `f.yaml:${FIRST_SERVING_LINE + 1}  spec.collector.autoscaling.maxReplica: unknown field; did you mean maxReplicas?`,
    ]);
  });

  it("inside an anchor is found at the anchor, for each place that uses it", () => {
    const text = `${withServing("autoscaling: &scaling { maxReplicas: 0 }")}  collector: { autoscaling: *scaling }\n`;
    const place = `f.yaml:${FIRST_SERVING_LINE}  spec`;
    expect(faultsOf(text)).toEqual(
      expect.arrayContaining([
        `${place}.serving.autoscaling.maxReplicas: expected at least 1, found 0`,
        `${place}.collector.autoscaling.maxReplicas: expected at least 1, found 0`,
      ]),
    );
  });

  it("of any written field's name is found, with the name that was meant", () => {
    const written = fieldsOf(parse(STOREFRONT), []).filter(
      ({ name, closed }) => closed && name.length >= 7 && name !== "kind",
    );
    expect(written.length).toBeGreaterThan(60);
    const slip = fc.record({
      field: fc.constantFrom(...written),
      at: fc.nat(),
      kind: fc.constantFrom("drop", "double", "swap", "replace"),
    });
    fc.assert(
      fc.property(slip, ({ field, at, kind }) => {
        const mistyped = misspell(field.name, at % (field.name.length - 1), kind);
        fc.pre(mistyped !== field.name);
        const document: unknown = parse(STOREFRONT);
        rename(document, field.path, field.name, mistyped);
        const found = read(stringify(document)).faults.filter(({ message }) => message === "unknown field");
        expect(found).toEqual([expect.objectContaining({ suggestion: field.name, line: expect.any(Number) })]);
      }),
      { numRuns: 150 },
    );
  });
});

interface WrittenField {
  readonly path: readonly (string | number)[];
  readonly name: string;
  /** The names of its object are the schema's, not the user's. */
  readonly closed: boolean;
}

const OPEN =
  /^(fields|constants|eventNames|columns|weights|labels|annotations|nodeSelector|requests|limits|matchLabels)$/;

function fieldsOf(value: unknown, path: readonly (string | number)[]): WrittenField[] {
  if (path.includes("topologySpreadConstraints") || path.includes("metadata")) return [];
  if (Array.isArray(value)) return value.flatMap((entry, index) => fieldsOf(entry, [...path, index]));
  if (!isRecord(value)) return [];
  const closed = !OPEN.test(String(path.at(-1)));
  return Object.entries(value).flatMap(([name, field]) => [
    { path, name, closed: closed && path.length > 0 },
    ...fieldsOf(field, [...path, name]),
  ]);
}

function misspell(name: string, at: number, kind: string): string {
  const [before, letter, next, after] = [name.slice(0, at), name[at]!, name[at + 1]!, name.slice(at + 2)];
  if (kind === "drop") return before + next + after;
  if (kind === "double") return before + letter + letter + next + after;
  return kind === "swap" ? before + next + letter + after : `${before}q${next}${after}`;
}

function rename(document: unknown, path: readonly (string | number)[], from: string, to: string): void {
  const parent = path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], document);
  const object = parent as Record<string, unknown>;
  object[to] = object[from];
  delete object[from];
}

describe("a text", () => {
  const named = (name: string, namespace = "shop") =>
    MINIMAL.replace("name: minimal", `name: ${name}\n  namespace: ${namespace}`);

  it("may hold many documents; those of other kinds are skipped with a note", () => {
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\n";
    const { pipelines, faults, notes } = read(`${secret}---\n${named("a")}---\n# nothing\n---\n${named("b")}`);
    expect(pipelines.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    expect(faults).toEqual([]);
    expect(notes).toEqual(["f.yaml: document 1 is of kind Secret and was skipped"]);
  });

  it("may not hold two of one namespace and name", () => {
    const { pipelines, faults } = read(`${named("a")}---\n${named("a", "other")}---\n${named("a")}`);
    expect(pipelines).toHaveLength(2);
    expect(faults).toMatchObject([
      { document: 3, path: "metadata.name", message: "document 1 has the same namespace and name: shop/a" },
    ]);
    expect(faults[0]?.line).toBeGreaterThan(2 * MINIMAL.split("\n").length);
  });

  it.each(["", "# nothing\n", "apiVersion: v1\nkind: Secret\n", "- a\n", "just text"])(
    "without a pipeline is at fault: %j",
    (text) => {
      expect(faultsOf(text)).toEqual(["f.yaml  no document of kind RecommenderPipeline (productmatcher.dev/v1alpha1)"]);
    },
  );

  it("that is not YAML is told with line and column", () => {
    const [fault, ...more] = faultsOf("kind: RecommenderPipeline\nspec:\n  a: [1, 2\n  b: 3\n");
    expect(fault).toMatch(/^f\.yaml:[34] {2}column \d+: /);
    expect(more.join()).not.toContain("no document of kind");
  });

  it("with one field twice is told", () => {
    expect(faultsOf(`${MINIMAL}  paused: true\n  paused: false\n`)).toEqual([
      expect.stringMatching(new RegExp(`^f\\.yaml:${FIRST_SERVING_LINE} {2}column 3: .*unique`)),
    ]);
  });

  it("that would grow without bound through aliases is refused", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [to, from] of ["ba", "cb", "dc", "ed", "fe"])
      bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(", ")}]`);
    expect(faultsOf(bomb.join("\n"))).toEqual([expect.stringContaining("alias")]);
  });

  it("with a mistyped kind or version says which is meant", () => {
    expect(faultsOf(MINIMAL.replace("RecommenderPipeline", "RecomenderPipeline"))).toEqual([
      'f.yaml:4  kind: expected RecommenderPipeline, found "RecomenderPipeline"; did you mean RecommenderPipeline?',
    ]);
    expect(faultsOf(MINIMAL.replace("v1alpha1", "v1"))).toEqual([
      'f.yaml:3  apiVersion: expected productmatcher.dev/v1alpha1, found "productmatcher.dev/v1"; did you mean productmatcher.dev/v1alpha1?',
    ]);
  });

  it("as the API server gives it back is valid", () => {
    const [pipeline] = read(STOREFRONT).pipelines;
    const metadata = { ...pipeline!.metadata, uid: "6f9e", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z" };
    expect(faultsOf(stringify({ ...pipeline, metadata }))).toEqual([]);
  });

  it("of any content gives faults, never an error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.jsonValue(), (text, spec) => {
        read(text);
        expect(read(JSON.stringify({ kind: "RecommenderPipeline", spec })).faults.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
