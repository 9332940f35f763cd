/** What people and Helm read of the chart's values. */
import { stringify } from "yaml";
import { z } from "zod";
import { chartValues } from "./values.ts";

export interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: unknown;
  readonly items?: Node;
  readonly enum?: readonly unknown[];
}

const WIDTH = 118;

/** JSON Schema of the values, draft 7: what every Helm 3 checks them with. */
export function valuesSchema() {
  return z.toJSONSchema(chartValues, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      delete jsonSchema.propertyNames;
      // A value that is not given has the default of values.yaml.
      if (isSection(jsonSchema as Node)) delete jsonSchema.default;
    },
  });
}

/** Has values of its own, rather than being one. */
function isSection({ properties }: Node): boolean {
  return Object.keys(properties ?? {}).length > 0;
}

/** values.yaml: every value with its description and default. */
export function valuesFile(): string {
  return `${block(valuesSchema() as Node, "")}\n`;
}

function block(schema: Node, indent: string): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, value]) => `${comment(value.description ?? "", indent)}\n${entry(name, value, indent)}`)
    .join(indent === "" ? "\n\n" : "\n");
}

function entry(name: string, value: Node, indent: string): string {
  if (isSection(value)) return `${indent}${name}:\n${block(value, `${indent}  `)}`;
  const text = stringify({ [name]: value.default }, { lineWidth: 0 }).trimEnd();
  return text.replaceAll(/^/gm, indent);
}

function comment(text: string, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || `${indent}# ${line} ${word}`.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => `${indent}# ${line}`).join("\n");
}

/** Markdown for the README: every value with its default, below the section that it is part of. */
export function valuesTable(): string {
  const lines = rows(valuesSchema() as Node, "").map((cells) => `| ${cells.join(" | ")} |`);
  return ["| value | default | |", "|---|---|---|", ...lines].join("\n");
}

function rows(schema: Node, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const path = `\`${prefix}${name}\``;
    const { default: fallback, description = "", enum: choices } = value;
    if (isSection(value)) return [[`**${path}**`, "", cell(description)], ...rows(value, `${prefix}${name}.`)];
    const among = choices === undefined ? "" : ` One of ${choices.map((choice) => `\`${choice}\``).join(", ")}.`;
    return [[path, `\`${cell(JSON.stringify(fallback))}\``, cell(description) + among]];
  });
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
