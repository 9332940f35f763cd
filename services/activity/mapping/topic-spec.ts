/** The part of a RecommenderPipeline that says how a topic's records become activity (`spec.source.topics[]` and what bears on it). */

export type TimeFormat = "ISO8601" | "EpochSeconds" | "EpochMillis" | "EpochMicros" | "Pattern";

export interface OccurredAtSpec {
  readonly path: string;
  readonly format: TimeFormat;
  /** With format `Pattern`: a Unicode date pattern, for example `yyyy-MM-dd HH:mm:ss.SSS`. */
  readonly pattern?: string | undefined;
  /** IANA name, for text without an offset of its own. */
  readonly timeZone: string;
}

export interface MappingSpec {
  /** Path of an array: one activity for each element. `.` when the record itself is the array. */
  readonly forEach?: string | undefined;
  /** Our field -> path in the element or record; see compilePath for the two spellings. */
  readonly fields: Readonly<Record<string, string>>;
  /** Our field -> its value where the record has none. */
  readonly constants?: Readonly<Record<string, string>> | undefined;
  /** The shop's event name -> ours. A name that is not listed stays as it is. */
  readonly eventNames?: Readonly<Record<string, string>> | undefined;
  /** Absent: the log record's own time. */
  readonly occurredAt?: OccurredAtSpec | undefined;
}

export interface TopicSpec {
  readonly name: string;
  /** `Entity` is the pipeline's own `<prefix>.entities`; a resource declares topics of the other three. */
  readonly record: "Event" | "Item" | "User" | "Entity";
  /** `SchemaRegistry`: decoded before it is mapped. Absent: JSON. */
  readonly format?: "JSON" | "SchemaRegistry" | undefined;
  /** Every record of the topic is this event, whatever the record says. */
  readonly event?: string | undefined;
  /** Absent: the topic holds records of ProductMatcher's own shape; see compileTopic. */
  readonly mapping?: MappingSpec | undefined;
}

export type AttributeType = "String" | "StringList" | "Number" | "Boolean" | "Time";

/** One of `spec.catalog.attributes[]`. */
export interface AttributeSpec {
  readonly name: string;
  readonly type: AttributeType;
}

/** `spec.privacy`. */
export interface PrivacySpec {
  readonly ipAddress: "Truncate" | "Drop" | "Keep";
  readonly userAgent: "Family" | "Drop" | "Keep";
}

/** A mapping that can never work: reason `MappingInvalid` of the condition ConfigurationValid. */
export class MappingError extends Error {
  readonly code = "MappingInvalid";
  /** The field of the resource below `spec.source.topics[name]`, for example `mapping.fields.userId`. */
  readonly path: string;

  constructor(topic: string, path: string, message: string) {
    super(`topic ${topic}: ${path}: ${message}`);
    this.name = "MappingError";
    this.path = path;
  }
}
