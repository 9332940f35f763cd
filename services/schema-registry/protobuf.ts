/**
 * Protobuf records of a registry, read with their .proto file into plain values under the names of the .proto file.
 */
import protobuf from "protobufjs";
import { type MessageNames, protoFile } from "./protobuf-descriptor.ts";
import { plainMessage } from "./protobuf-plain.ts";
import { UndecodableError } from "./undecodable.ts";

const { Root } = protobuf;

/** Another .proto file, under the path by which `import` names it. */
export interface ProtobufImport {
  readonly name: string;
  readonly schema: string;
}

const MAX_NESTING = 32;

/** What Confluent's registry knows without being told; only what a field can be of. */
const CONFLUENT_DECIMAL = `syntax = "proto3"; package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`;

/**
 * @param imports each after those that it imports itself; Google's well-known types need none
 * @returns what reads a record's content: the place of its message in the file, then the message. It throws for bytes
 *   that the schema does not describe
 * @throws UndecodableError for a schema that cannot be read
 */
export function compileProtobuf(
  schema: string,
  imports: readonly ProtobufImport[] = [],
): (content: Uint8Array) => unknown {
  const root = new Root();
  const { names, scope } = explained(() => {
    const { text, messages } = protoFile(schema);
    const file = parse(text, root);
    // Before the imports: they may add types to the same package, which do not count.
    const inText = messageNames(file.package === undefined ? root : root.lookup(file.package));
    const others = imports.map((other) => parse(protoFile(other.schema).text, root));
    for (const path of [file, ...others].flatMap(({ imports: paths = [] }) => paths)) addWellKnown(path, root);
    root.resolveAll();
    return { names: messages ?? inText, scope: file.package === undefined ? "" : `${file.package}.` };
  });
  return (content) => {
    const { path, start } = readPath(content);
    const type = root.lookupType(`${scope}${messageAt(names, path)}`);
    return plainMessage(type, type.decode(content.subarray(start)));
  };
}

function explained<Result>(step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    if (error instanceof UndecodableError) throw error;
    throw new UndecodableError(`the Protobuf schema cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parse(text: string, root: protobuf.Root) {
  return protobuf.parse(text, root, { keepCase: true });
}

function addWellKnown(path: string, root: protobuf.Root): void {
  if (path === "confluent/type/decimal.proto") {
    if (root.lookup("confluent.type.Decimal") === null) parse(CONFLUENT_DECIMAL, root);
    return;
  }
  const nested = protobuf.common.get(path)?.nested;
  if (nested !== undefined) root.addJSON(nested);
}

/** In the order of the file, which is how records name them. */
function messageNames(scope: protobuf.ReflectionObject | null): MessageNames[] {
  if (!(scope instanceof protobuf.Namespace)) return [];
  const types = scope.nestedArray.filter((nested) => nested instanceof protobuf.Type);
  return types.map((type) => ({ name: type.name, nested: messageNames(type) }));
}

/** The message's name within its package, with dots. */
function messageAt(names: readonly MessageNames[], path: readonly number[]): string {
  let within = names;
  return path
    .map((index) => {
      const found = within[index];
      if (found === undefined) throw new UndecodableError(`the schema has no message ${path.join(".")}`);
      within = found.nested;
      return found.name;
    })
    .join(".");
}

/** The indexes of the message, outermost first, as zigzag varints after their count; a single 0 stands for the first. */
function readPath(content: Uint8Array): { readonly path: readonly number[]; readonly start: number } {
  const reader = protobuf.Reader.create(content);
  const count = reader.sint32();
  if (count === 0) return { path: [0], start: reader.pos };
  if (count < 0 || count > MAX_NESTING) throw new UndecodableError(`a message at depth ${count} of the schema`);
  return { path: Array.from({ length: count }, () => reader.sint32()), start: reader.pos };
}
