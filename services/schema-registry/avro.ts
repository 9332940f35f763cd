/**
 * Avro's binary encoding (specification 1.12), read with the schema that it was written with, into what the JSON of the
 * same record would be.
 */
import { AvroCursor } from "./avro-cursor.ts";
import { type LogicalRead, logicalRead } from "./avro-logical.ts";
import { setOwn, shortestFloat } from "./numbers.ts";
import { UndecodableError } from "./undecodable.ts";

export type AvroRead = (cursor: AvroCursor) => unknown;

/** A schema's parts as JSON gives them. */
export type AvroNode = Readonly<Record<string, unknown>>;

/**
 * @param schema JSON text
 * @param references schemas whose names it uses, each after those that it uses itself
 * @returns what reads a record's content. It throws UndecodableError for bytes that the schema does not describe
 * @throws UndecodableError for a schema that is none
 */
export function compileAvro(schema: string, references: readonly string[] = []): (content: Uint8Array) => unknown {
  const types = new AvroTypes();
  for (const reference of references) types.compile(parsed(reference), "");
  const read = types.compile(parsed(schema), "");
  return (content) => {
    const cursor = new AvroCursor(content);
    const value = read(cursor);
    if (cursor.left > 0) throw new UndecodableError(`${cursor.left} bytes are left over: written with another schema?`);
    return value;
  };
}

function parsed(schema: string): unknown {
  try {
    return JSON.parse(schema);
  } catch {
    // Some registries give the name of a primitive type without its quotes.
    return schema;
  }
}

const PRIMITIVES: Readonly<Record<string, AvroRead>> = {
  null: () => null,
  boolean: (cursor) => cursor.byte() !== 0,
  int: (cursor) => cursor.integer(),
  long: (cursor) => cursor.integer(),
  float: (cursor) => shortestFloat(cursor.take(4).readFloatLE()),
  double: (cursor) => cursor.take(8).readDoubleLE(),
  bytes: (cursor) => cursor.bytes().toString("base64"),
  string: (cursor) => cursor.text(),
};

class AvroTypes {
  /** By full name. A type may be used within itself, so it is known before it is complete. */
  readonly #named = new Map<string, AvroRead>();

  /** @param namespace of the type around it */
  compile(schema: unknown, namespace: string): AvroRead {
    if (typeof schema === "string") return this.#lookUp(schema, namespace);
    if (Array.isArray(schema)) return this.#union(schema, namespace);
    if (typeof schema !== "object" || schema === null) throw new UndecodableError(`no Avro type: ${schema}`);
    const node = schema as AvroNode;
    const { type } = node;
    switch (type) {
      case "record":
      case "error":
        return this.#record(node, namespace);
      case "enum":
        return this.#enum(node, namespace);
      case "fixed":
        return this.#fixed(node, namespace);
      case "array":
        return readArray(this.compile(node.items, namespace));
      case "map":
        return readMap(this.compile(node.values, namespace));
    }
    const logical: LogicalRead | null = typeof type === "string" ? logicalRead(node) : null;
    return logical ?? this.compile(type, namespace);
  }

  #lookUp(name: string, namespace: string): AvroRead {
    const primitive = Object.hasOwn(PRIMITIVES, name) ? PRIMITIVES[name] : undefined;
    if (primitive !== undefined) return primitive;
    const known = this.#named.get(fullName(name, namespace)) ?? this.#named.get(name);
    if (known === undefined)
      throw new UndecodableError(`the schema uses ${name}, which neither it nor a reference has`);
    return known;
  }

  #union(branches: readonly unknown[], namespace: string): AvroRead {
    const reads = branches.map((branch) => this.compile(branch, namespace));
    return (cursor) => {
      const index = cursor.integer();
      const read = typeof index === "number" ? reads[index] : undefined;
      if (read === undefined) throw new UndecodableError(`branch ${index} of a union of ${reads.length}`);
      return read(cursor);
    };
  }

  #record(node: AvroNode, namespace: string): AvroRead {
    const { name, inner } = this.#nameOf(node, namespace);
    const fields: { readonly name: string; readonly read: AvroRead }[] = [];
    const readFields = (cursor: AvroCursor) => {
      const record: Record<string, unknown> = {};
      for (const field of fields) setOwn(record, field.name, field.read(cursor));
      return record;
    };
    const read: AvroRead = (cursor) => cursor.nested(readFields);
    this.#named.set(name, read);
    if (!Array.isArray(node.fields)) throw new UndecodableError(`the Avro record ${name} has no fields`);
    for (const field of node.fields as AvroNode[]) {
      fields.push({ name: String(field.name), read: this.compile(field.type, inner) });
    }
    return read;
  }

  #enum(node: AvroNode, namespace: string): AvroRead {
    const { name } = this.#nameOf(node, namespace);
    const symbols = Array.isArray(node.symbols) ? (node.symbols as unknown[]) : [];
    const read: AvroRead = (cursor) => {
      const index = cursor.integer();
      const symbol = typeof index === "number" ? symbols[index] : undefined;
      if (symbol === undefined) throw new UndecodableError(`symbol ${index} of ${name}, which has ${symbols.length}`);
      return symbol;
    };
    this.#named.set(name, read);
    return read;
  }

  #fixed(node: AvroNode, namespace: string): AvroRead {
    const { name } = this.#nameOf(node, namespace);
    const { size } = node;
    if (typeof size !== "number") throw new UndecodableError(`the Avro type ${name} is fixed and has no size`);
    const read = logicalRead(node) ?? ((cursor) => cursor.take(size).toString("base64"));
    this.#named.set(name, read);
    return read;
  }

  #nameOf(node: AvroNode, around: string): { readonly name: string; readonly inner: string } {
    const own = typeof node.namespace === "string" ? node.namespace : around;
    const name = fullName(String(node.name), own);
    return { name, inner: name.slice(0, Math.max(0, name.lastIndexOf("."))) };
  }
}

function fullName(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

function readArray(read: AvroRead): AvroRead {
  return (cursor) => {
    const entries: unknown[] = [];
    for (let count = cursor.blockEntries(); count > 0; count = cursor.blockEntries()) {
      for (let index = 0; index < count; index += 1) entries.push(read(cursor));
    }
    return entries;
  };
}

function readMap(read: AvroRead): AvroRead {
  return (cursor) => {
    const map: Record<string, unknown> = {};
    for (let count = cursor.blockEntries(); count > 0; count = cursor.blockEntries()) {
      for (let index = 0; index < count; index += 1) setOwn(map, cursor.text(), read(cursor));
    }
    return map;
  };
}
