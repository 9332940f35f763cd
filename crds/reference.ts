/** The reference of the resource, for people: one table a section. */
import { API_VERSION, KIND } from "./pipeline.ts";
import { pipelineSchema, type Schema } from "./schema.ts";

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** Markdown with every field of the resource, its type, default, unit, limits, description, and the rules. */
export function referencePage(): string {
  const { spec, status } = pipelineSchema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error("the schema has no spec or no status");
  return `${[
    `# ${KIND}`,
    `\`${API_VERSION}\`, namespaced, short name \`rp\`. ${pipelineSchema.description}`,
    "This page is generated from `crds/`. `kubectl explain rp.spec` shows the same text; `productmatcher validate -f FILE` checks a file against it.",
    "Units are in the names and values are integers. A list with a key is merged entry by entry; a set holds each value once; other lists are replaced as a whole. A field marked **required** is required within its own object.",
    rules("", pipelineSchema),
    "## spec",
    table(scalars(spec)),
    rules("spec", spec),
    ...sections(spec).map(({ path, schema, required }) => section(`spec.${path}`, schema, required)),
    section("status", status, false),
  ].join("\n\n")}\n`;
}

function section(path: string, schema: Schema, required: boolean): string {
  const rows = fieldsBelow(schema, "");
  const presence = required ? " **Required.**" : schema.default === undefined ? " Absent by default." : "";
  return [`## ${path}`, `${schema.description ?? ""}${presence}`, table(rows), ...ruleLists(path, schema)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function sections(spec: Schema): Row[] {
  return directFields(spec).filter(({ schema }) => schema.properties !== undefined);
}

function scalars(spec: Schema): Row[] {
  return directFields(spec).filter(({ schema }) => schema.properties === undefined);
}

function directFields(schema: Schema): Row[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    path: name,
    schema: field,
    required: schema.required?.includes(name) ?? false,
  }));
}

function fieldsBelow(schema: Schema, prefix: string): Row[] {
  return directFields(schema).flatMap((row) => {
    const path = `${prefix}${row.path}`;
    const inner = row.schema.items?.properties ? row.schema.items : row.schema;
    const innerPrefix = inner === row.schema ? `${path}.` : `${path}[].`;
    return [{ ...row, path }, ...fieldsBelow(inner, innerPrefix)];
  });
}

function table(rows: readonly Row[]): string {
  const header = ["Field", "Type", "Default", "Unit", "Limits", "Description"];
  const lines = rows.map(({ path, schema, required }) => [
    `\`${path}\``,
    typeName(schema),
    required ? "**required**" : defaultText(schema),
    schema.unit ?? "",
    limits(schema).join("; "),
    escapeCell(schema.description ?? ""),
  ]);
  return [header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function typeName(schema: Schema): string {
  if (schema["x-kubernetes-int-or-string"]) return "integer or string";
  if (schema.type === "array") {
    const item = schema.items ?? {};
    const keys = schema["x-kubernetes-list-map-keys"];
    if (keys !== undefined) return `list by ${keys.join(", ")}`;
    return `${schema["x-kubernetes-list-type"] === "set" ? "set" : "list"} of ${typeName(item)}`;
  }
  if (schema.additionalProperties) return `map of ${typeName(schema.additionalProperties)}`;
  return schema.type ?? "";
}

function defaultText(schema: Schema): string {
  return schema.default === undefined ? "" : `\`${escapeCell(JSON.stringify(schema.default))}\``;
}

function limits(schema: Schema): string[] {
  const value = schema.items ?? schema.additionalProperties;
  return [
    ...bounds(schema.minimum, schema.maximum, ""),
    ...bounds(schema.minLength, schema.maxLength, "characters"),
    ...bounds(schema.minItems, schema.maxItems, "entries"),
    ...bounds(undefined, schema.maxProperties, "entries"),
    ...(schema.enum ? [schema.enum.map((name) => `\`${name}\``).join(", ")] : []),
    ...(schema.pattern ? [`\`${escapeCell(schema.pattern)}\``] : []),
    ...(value && !value.properties ? limits(value).map((limit) => `each: ${limit}`) : []),
  ];
}

function bounds(min: number | undefined, max: number | undefined, what: string): string[] {
  if (max === undefined) return [];
  const range = min === undefined ? `at most ${max}` : `${min} to ${max}`;
  return [`${range} ${what}`.trim()];
}

function ruleLists(path: string, schema: Schema): string[] {
  const inner = fieldsBelow(schema, "").map((row) => {
    const list = row.schema.items?.["x-kubernetes-validations"] !== undefined;
    return rules(`${path}.${row.path}${list ? "[]" : ""}`, list ? (row.schema.items ?? {}) : row.schema);
  });
  return [rules(path, schema), ...inner].filter((text) => text !== "");
}

function rules(path: string, schema: Schema): string {
  const found = schema["x-kubernetes-validations"];
  if (found === undefined) return "";
  const lines = found.map(({ id, rule, message }) => `- ${id}: ${message}\n  \`${rule}\``);
  return [`Rules on ${path === "" ? "the resource" : `\`${path}\``}:`, lines.join("\n")].join("\n\n");
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
