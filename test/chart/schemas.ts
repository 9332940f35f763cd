/**
 * JSON Schemas for kubeconform, out of the OpenAPI documents that a real API server serves: of its own kinds and of every
 * definition that it holds. A field that a schema does not name is a fault.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneDescription, kubectl } from "../api-server/control-plane.ts";

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-group-version-kind"?: readonly { group: string; version: string; kind: string }[];
}

interface Document {
  readonly components?: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** @returns what kubeconform takes as `-schema-location` */
export async function writeSchemas(plane: ControlPlaneDescription, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const raw = async <Answer>(path: string) => JSON.parse(await kubectl(plane, ["get", "--raw", path])) as Answer;
  const { paths } = await raw<{ paths: Record<string, { serverRelativeURL: string }> }>("/openapi/v3");
  for (const { serverRelativeURL } of Object.values(paths)) {
    const { components } = await raw<Document>(serverRelativeURL);
    const schemas = components?.schemas ?? {};
    for (const schema of Object.values(schemas)) close(schema);
    for (const schema of Object.values(schemas)) {
      for (const { group, version, kind } of schema["x-kubernetes-group-version-kind"] ?? []) {
        // References of an OpenAPI document point to its components.
        const text = JSON.stringify({ ...schema, components });
        // For kubeconform the core group is called as its version.
        writeFileSync(join(folder, `${[kind.toLowerCase(), group || version, version].join("_")}.json`), text);
      }
    }
  }
  return join(folder, "{{.ResourceKind}}_{{.Group}}_{{.ResourceAPIVersion}}.json");
}

function close(schema: Schema): void {
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties !== undefined;
  if (schema.properties !== undefined && !isOpen) schema.additionalProperties = false;
  for (const field of Object.values(schema.properties ?? {})) close(field);
  if (schema.items !== undefined) close(schema.items);
  if (typeof schema.additionalProperties === "object") close(schema.additionalProperties);
}
