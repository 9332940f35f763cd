/**
 * The zod schema as plain data: what walks over the fields of a resource (the CustomResourceDefinition, the reference,
 * defaults, rules, suggestions) walks over this.
 */
import { z } from "zod";
import type { Rule } from "./fields.ts";
import { recommenderPipeline } from "./pipeline.ts";

/** A node of an OpenAPI v3 structural schema, with `unit` and the rules' `id` and `at` for our own tools. */
export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly description?: string;
  readonly unit?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The schema of the whole resource, annotated. */
export const pipelineSchema: Schema = toSchema(recommenderPipeline);

function toSchema(schema: z.ZodType): Schema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => toStructural(jsonSchema),
  });
  return json as Schema;
}

/** Takes away what a structural schema may not say, or says by other means. */
function toStructural(node: JsonSchema): void {
  delete node.propertyNames;
  if (node.properties !== undefined) delete node.additionalProperties;
  if (node["x-kubernetes-preserve-unknown-fields"] === true) delete node.properties;
  if (node["x-kubernetes-int-or-string"] === true) delete node.anyOf;
  if (node.format === "date-time") delete node.pattern;
  if (node.pattern !== undefined) node.pattern = node.pattern.replaceAll("\\/", "/");
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
}
