/**
 * A .proto file in its compiled form: clients other than Java's register it so, and some registries give it back as it
 * came. It is written out as text again, so that there is one way to read schemas.
 */
import descriptor from "protobufjs/ext/descriptor/index.js";
import { UndecodableError } from "./undecodable.ts";

/** A message's name, and those of the messages in it, in the order by which records name them. */
export interface MessageNames {
  readonly name: string;
  readonly nested: readonly MessageNames[];
}

export interface ProtoFile {
  readonly text: string;
  /** `null`: as in the text. Compiled files count the entries of maps, too. */
  readonly messages: readonly MessageNames[] | null;
}

/** What the compiled form holds, as far as it decides how records are read (google/protobuf/descriptor.proto). */
interface File {
  readonly package?: string;
  readonly dependency?: readonly string[];
  readonly syntax?: string;
  readonly messageType?: readonly Message[];
  readonly enumType?: readonly Enum[];
}

interface Message {
  readonly name: string;
  readonly field?: readonly Field[];
  readonly nestedType?: readonly Message[];
  readonly enumType?: readonly Enum[];
  readonly oneofDecl?: readonly { readonly name: string }[];
  readonly options?: { readonly mapEntry?: boolean };
}

interface Field {
  readonly name: string;
  readonly number: number;
  readonly label: number;
  readonly type: number;
  readonly typeName?: string;
  readonly oneofIndex?: number;
  readonly proto3Optional?: boolean;
}

interface Enum {
  readonly name: string;
  readonly value?: readonly { readonly name: string; readonly number: number }[];
}

const LABELS: Readonly<Record<number, string>> = { 1: "optional", 2: "required", 3: "repeated" };
const REPEATED = 3;
const SCALARS: Readonly<Record<number, string>> = {
  1: "double",
  2: "float",
  3: "int64",
  4: "uint64",
  5: "int32",
  6: "fixed64",
  7: "fixed32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
  15: "sfixed32",
  16: "sfixed64",
  17: "sint32",
  18: "sint64",
};

/** @throws UndecodableError for what is neither text nor a compiled file */
export function protoFile(schema: string): ProtoFile {
  // Text has a quote, a brace or a semicolon.
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(schema)) return { text: schema, messages: null };
  let file: File;
  try {
    file = descriptor.FileDescriptorProto.toObject(
      descriptor.FileDescriptorProto.decode(Buffer.from(schema, "base64")),
    ) as File;
  } catch (error) {
    throw new UndecodableError("the Protobuf schema is neither text nor a compiled file", { cause: error });
  }
  const { syntax = "proto2", messageType = [] } = file;
  if (syntax !== "proto2" && syntax !== "proto3") throw new UndecodableError(`the Protobuf schema is of ${syntax}`);
  return { text: fileText(file, syntax), messages: messageType.map(namesOf) };
}

function namesOf({ name, nestedType = [] }: Message): MessageNames {
  return { name, nested: nestedType.map(namesOf) };
}

function fileText({ package: name, dependency = [], messageType = [], enumType = [] }: File, syntax: string): string {
  const scope = name === undefined || name === "" ? "" : `.${name}`;
  return [
    `syntax = "${syntax}";`,
    scope === "" ? "" : `package ${name};`,
    ...dependency.map((path) => `import "${path}";`),
    ...enumType.map(enumText),
    ...messageType.map((message) => messageText(message, scope, syntax)),
  ].join("\n");
}

function enumText({ name, value = [] }: Enum): string {
  return `enum ${name} { option allow_alias = true; ${value.map((one) => `${one.name} = ${one.number ?? 0};`).join(" ")} }`;
}

function messageText(message: Message, around: string, syntax: string): string {
  const { name, field = [], nestedType = [], enumType = [], oneofDecl = [] } = message;
  const scope = `${around}.${name}`;
  const entries = new Map(
    nestedType.filter(({ options }) => options?.mapEntry === true).map((entry) => [`${scope}.${entry.name}`, entry]),
  );
  const isChoice = (one: Field) => one.oneofIndex !== undefined && one.proto3Optional !== true;
  const lines = field
    .filter((one) => !isChoice(one))
    .map((one) => {
      const entry = entries.get(one.typeName ?? "");
      if (entry !== undefined) return `map<${entryTypes(entry)}> ${one.name} = ${one.number};`;
      const isLabelled = syntax === "proto2" || one.label === REPEATED || one.proto3Optional === true;
      return `${isLabelled ? `${LABELS[one.label]} ` : ""}${fieldText(one)}`;
    });
  const choices = oneofDecl.flatMap((choice, index) => {
    const members = field.filter((one) => isChoice(one) && one.oneofIndex === index).map(fieldText);
    return members.length === 0 ? [] : [`oneof ${choice.name} { ${members.join(" ")} }`];
  });
  const nested = nestedType.filter(({ options }) => options?.mapEntry !== true);
  const inner = [...enumType.map(enumText), ...nested.map((one) => messageText(one, scope, syntax))];
  return [`message ${name} {`, ...inner, ...lines, ...choices, "}"].join("\n");
}

function entryTypes({ field = [] }: Message): string {
  return field.map(typeOf).join(", ");
}

function fieldText(field: Field): string {
  return `${typeOf(field)} ${field.name} = ${field.number};`;
}

function typeOf({ name, type, typeName }: Field): string {
  const found = typeName === undefined || typeName === "" ? SCALARS[type] : typeName;
  if (found === undefined) throw new UndecodableError(`the Protobuf field ${name} is of type ${type}`);
  return found;
}
