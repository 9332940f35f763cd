import { describe, expect, it } from "vitest";
import { pathText } from "./fault.ts";
import { validatePipeline } from "./validate.ts";

type Spec = Record<string, unknown>;

function faultsOf(spec: Spec): string[] {
  const { faults } = validatePipeline({
    apiVersion: "productmatcher.dev/v1alpha1",
    kind: "RecommenderPipeline",
    metadata: { name: "storefront" },
    spec: {
      source: { kafka: { bootstrapServers: ["kafka:9092"] } },
      sink: { clickhouse: { url: "http://clickhouse:8123", credentials: { secretRef: { name: "clickhouse" } } } },
      collector: {},
      ...spec,
    },
  });
  return faults.map(
    ({ path, message, suggestion }) => `${pathText(path)}: ${message}${suggestion ? ` -> ${suggestion}` : ""}`,
  );
}

/** Faults of one topic's mapping, without the path up to it. */
function mappingFaults(mapping: Spec, record = "Event", catalog?: Spec): string[] {
  const topic = { name: "t", record, ...(record === "Event" ? { event: "search" } : {}), mapping };
  const source = { kafka: { bootstrapServers: ["kafka:9092"] }, topics: [topic] };
  return faultsOf({ source, ...(catalog && { catalog }) }).map((fault) =>
    fault.replace("spec.source.topics[0].mapping.", ""),
  );
}

describe("a path", () => {
  it.each(["a", "a.b.c", "lines.0.sku", "/a/b/0", "/a~1b/c~0d", "id with spaces", "."])("may be %j", (path) => {
    expect(mappingFaults({ fields: { userId: path } })).toEqual([]);
    expect(mappingFaults({ forEach: path, fields: { userId: "u" } })).toEqual([]);
  });

  it.each(["", "a..b", ".a", "a.", "/", "/a//b", "/a/", "/a~2b"])("may not be %j", (path) => {
    expect(mappingFaults({ fields: { userId: path } })).toEqual([expect.stringMatching(/^fields\.userId: /)]);
    expect(mappingFaults({ forEach: path, fields: { userId: "u" } })).toEqual([expect.stringMatching(/^forEach: /)]);
    const occurredAt = { path };
    expect(mappingFaults({ fields: { userId: "u" }, occurredAt })).toEqual([
      expect.stringMatching(/^occurredAt\.path: /),
    ]);
  });
});

describe("a mapped field", () => {
  const unknownEvent = "unknown field of record: Event; a field of the shop's own is properties.<name>";
  const unknownItem = "unknown field of record: Item; others are declared in catalog.attributes";

  it("may be any field of its record", () => {
    const fields =
      "eventId userId anonymousId sessionId itemId price quantity currency url referrer userAgent ipAddress";
    expect(mappingFaults({ fields: pathsFor(`${fields} properties.size properties.a.b`) })).toEqual([]);
    const item = "itemId name description categories tags price currency stock hidden createdAt embedding";
    expect(mappingFaults({ fields: pathsFor(item) }, "Item")).toEqual([]);
    expect(mappingFaults({ fields: pathsFor("userId username city home-town") }, "User")).toEqual([]);
  });

  it.each([
    ["Event", "itemID", `${unknownEvent} -> itemId`],
    ["Event", "user_agent", `${unknownEvent} -> userAgent`],
    ["Event", "stock", unknownEvent],
    ["Event", "properties.", unknownEvent],
    ["Event", "occurredAt", "the time has a place of its own -> mapping.occurredAt.path"],
    ["Item", "categorys", `${unknownItem} -> categories`],
    ["Item", "properties.brand", unknownItem],
  ])("of record %s may not be %s", (record, field, message) => {
    const needed = { userId: "u", itemId: "i" };
    const fields = record === "Item" ? { itemId: "i" } : needed;
    expect(mappingFaults({ fields: { ...fields, [field]: "x" } }, record)).toEqual([expect.stringMatching(/^fields/)]);
    expect(mappingFaults({ fields: { ...fields, [field]: "x" } }, record)[0]).toContain(`: ${message}`);
    expect(mappingFaults({ fields, constants: { [field]: "x" } }, record)[0]).toMatch(/^constants/);
  });

  it("of an item may be an attribute of the catalogue", () => {
    const catalog = { attributes: [{ name: "brand", type: "String" }] };
    expect(mappingFaults({ fields: { itemId: "i", brand: "b" } }, "Item", catalog)).toEqual([]);
    expect(mappingFaults({ fields: { itemId: "i", brnd: "b" } }, "Item", catalog)).toEqual([
      `fields.brnd: ${unknownItem} -> brand`,
    ]);
  });
});

function pathsFor(names: string): Record<string, string> {
  return Object.fromEntries(names.split(" ").map((name) => [name, "x"]));
}

it("an attribute may not take the name of a field of every item", () => {
  expect(faultsOf({ catalog: { attributes: [{ name: "price", type: "Number" }] } })).toEqual([
    "spec.catalog.attributes[0].name: every item has the field price already: leave the attribute out, or give it another name",
  ]);
});

it("a topic of which no activity can come is at fault, as the consumer sees it", () => {
  const topics = [{ name: "clicks", event: "view", mapping: { fields: { userId: "u" } } }];
  const source = { kafka: { bootstrapServers: ["kafka:9092"] }, topics };
  expect(faultsOf({ source })).toEqual(["spec.source.topics[0].mapping.fields: map itemId: a view concerns an item"]);
});

describe("a date pattern", () => {
  const faults = (pattern: string) =>
    mappingFaults({ fields: { userId: "u" }, occurredAt: { path: "at", format: "Pattern", pattern } });

  it.each(["yyyy-MM-dd HH:mm:ss.SSS", "dd/MM/yyyy", "d MMM yyyy h:mm a", "yyyy-MM-dd'T'HH:mm:ssZZ"])(
    "may be %s",
    (pattern) => {
      expect(faults(pattern)).toEqual([]);
    },
  );

  it.each(["YYYY-MM-DD", "yyyy-mm-dd", "HH:mm:ss", "yyyy-MM-ddTHH:mm", "dd/MM/yyyy hh:mm", "yyyy", ""])(
    "may not be %j",
    (pattern) => {
      expect(faults(pattern)).toEqual([expect.stringMatching(/^occurredAt\.pattern: /)]);
    },
  );
});

describe("a time zone", () => {
  const faults = (timeZone: string) => faultsOf({ training: { timeZone } });

  it.each(["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Asia/Calcutta"])(
    "may be %s",
    (name) => {
      expect(faults(name)).toEqual([]);
    },
  );

  it.each([
    ["Europe/Berln", " -> Europe/Berlin"],
    ["europe/berlin", " -> Europe/Berlin"],
    ["+02:00", ": write one such as Europe/Berlin"],
    ["Nowhere/At_All_In_This_World", ": write one such as Europe/Berlin"],
    ["", ": write one such as Europe/Berlin"],
  ])("may not be %j", (name, hint) => {
    expect(faults(name)).toEqual([`spec.training.timeZone: ${JSON.stringify(name)} is not an IANA time zone${hint}`]);
  });

  it("of a topic is checked too", () => {
    const occurredAt = { path: "at", timeZone: "Europe/Pari" };
    expect(mappingFaults({ fields: { userId: "u" }, occurredAt })).toEqual([
      'occurredAt.timeZone: "Europe/Pari" is not an IANA time zone -> Europe/Paris',
    ]);
  });
});

describe("a schedule", () => {
  const faults = (schedule: string) => faultsOf({ training: { schedule } });

  it.each(["*/30 * * * *", "15 3 * * 1-5", "0 4 1 JAN,JUL SUN", "@hourly"])("may be %s", (schedule) => {
    expect(faults(schedule)).toEqual([]);
  });

  it.each([
    ["* * * *", "write five fields"],
    ["0 * * * * *", "write five fields"],
    ["61 * * * *", "minute"],
    ["a b c d e", "not a cron expression"],
    ["@sometimes", "not a cron expression"],
    ["0 0 30 2 *", "never comes"],
    ["0 0 L * *", "a CronJob does not know"],
    ["0 0 * * 5#2", "a CronJob does not know"],
    ["0 0 * * 7", "Sunday as 0"],
    ["", "write five fields"],
  ])("may not be %j", (schedule, message) => {
    expect(faults(schedule)).toEqual([expect.stringContaining(message)]);
  });
});

describe("a rule's expression", () => {
  const faults = (rule: Spec) =>
    faultsOf({ serving: { rules: [{ name: "a", type: "Filter", items: "true", ...rule }] } });

  it.each([
    { items: "item.stock > 0 && 'sale' in item.tags" },
    { items: "item.name.startsWith('A')", when: "user.country == 'DE' && request.page == 'home'" },
    { when: "now > timestamp('2026-01-01T00:00:00Z')" },
  ])("may be %j", (rule) => {
    expect(faults(rule)).toEqual([]);
  });

  it.each([
    [{ items: "item.stock >" }, 'items: Unexpected token: EOF at character 13 of "item.stock >": CEL over item'],
    [{ items: "item.stock >> 1" }, "at character 13"],
    [{ items: "'open" }, "Unterminated string at character 1"],
    [{ items: "itm.stock > 0" }, "Unknown variable: itm at character 1"],
    [{ items: "user.age > 3" }, "Unknown variable: user"],
    [{ when: "item.stock > 0" }, "when: Unknown variable: item"],
    [{ when: "" }, "when: "],
  ])("may not be %j", (rule, message) => {
    expect(faults(rule)).toEqual([expect.stringContaining(message)]);
  });
});

describe("a name that serving refers to", () => {
  const arm = (fields: Spec) => ({
    experiments: [
      {
        name: "e",
        arms: [
          { name: "control", percent: 50 },
          { name: "b", percent: 50, ...fields },
        ],
      },
    ],
    rules: [{ name: "in-stock", type: "Filter", items: "true" }],
  });

  it("may be a trained algorithm or one that is always there, and a rule that exists", () => {
    for (const algorithm of ["itemNeighbours", "popular", "trending", "latest"]) {
      expect(faultsOf({ serving: arm({ algorithm, withoutRules: ["in-stock"] }) })).toEqual([]);
    }
  });

  it("may not be an algorithm that is not trained", () => {
    expect(faultsOf({ serving: arm({ algorithm: "neural" }) })).toEqual([
      "spec.serving.experiments[0].arms[1].algorithm: neural is not trained: add it to training.algorithms, or use one of itemNeighbours, sessionNeighbours, hybrid, popular, trending, latest",
    ]);
    expect(faultsOf({ serving: arm({ algorithm: "neural" }), training: { algorithms: ["neural"] } })).toEqual([]);
  });

  it("is not looked up in a section of the wrong type", () => {
    const serving = arm({ algorithm: "neural" });
    expect(faultsOf({ serving, training: [] })).toEqual(["spec.training: expected an object, found a list of 0"]);
  });

  it("may not be a rule that does not exist", () => {
    expect(faultsOf({ serving: arm({ withoutRules: ["instock"] }) })).toEqual([
      'spec.serving.experiments[0].arms[1].withoutRules[0]: serving.rules has no rule "instock" -> in-stock',
    ]);
  });

  it("may not be an attribute that items do not have", () => {
    const rules = [{ name: "q", type: "Quota", attribute: "brnd", max: 2 }];
    const catalog = { attributes: [{ name: "brand", type: "String" }] };
    expect(faultsOf({ serving: { rules }, catalog })).toEqual([
      'spec.serving.rules[0].attribute: items have no "brnd": name a field of items, or declare it in catalog.attributes -> brand',
    ]);
  });
});
