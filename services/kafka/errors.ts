/**
 * What can go wrong between this program and Kafka, as types with a code.
 */

export type KafkaLogErrorCode =
  /** No broker answered in time. */
  | "unreachable"
  /** A broker answered, but one side does not trust the other's certificate. */
  | "certificate_refused"
  /** The brokers refused the user, the password or the certificate. */
  | "sign_in_refused"
  /** No token for signing in could be had. */
  | "token_unavailable"
  /** Signed in, but not allowed to do this. */
  | "not_authorized"
  | "topic_missing"
  /** Larger than the topic takes. */
  | "record_too_large"
  /** No acknowledgement in time: the records may be stored or not. */
  | "append_unconfirmed"
  /** The group's coordinator did not confirm in time: the position may be stored or not. */
  | "commit_unconfirmed"
  | "invalid_options"
  | "invalid_position"
  | "poll_under_way"
  | "closed"
  /** Any other refusal of Kafka. */
  | "refused";

export interface KafkaErrorPlace {
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
}

export class KafkaLogError extends Error {
  override readonly name = "KafkaLogError";
  readonly code: KafkaLogErrorCode;
  readonly place: KafkaErrorPlace;

  constructor(code: KafkaLogErrorCode, message: string, place: KafkaErrorPlace = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.place = place;
  }
}

const ADVICE: Partial<Record<KafkaLogErrorCode, string>> = {
  unreachable: "check bootstrapServers, the listener's protocol (plain or TLS) and the network policy",
  certificate_refused: "check tls.caFile, and the client's certificate where the brokers ask for one",
  sign_in_refused: "check the user, the secret and the mechanism, and that the brokers know them",
  not_authorized: "give the user Read and Write on the topics and Read on the group",
  topic_missing: "create it, or give topicDefaults so that absent topics are made",
  record_too_large: "send smaller records, or raise max.message.bytes of the topic",
};

/** A failure of kafkajs as one of ours: what was being done, where, why, and what to do. */
export function kafkaLogError(doing: string, error: unknown, place: KafkaErrorPlace = {}): KafkaLogError {
  if (error instanceof KafkaLogError) return error;
  const code = codeOf(error);
  const advice = ADVICE[code] === undefined ? "" : `; ${ADVICE[code]}`;
  const reason = causesOf(error)
    .map((cause) => (cause instanceof Error ? cause.message : String(cause)))
    .join("; ");
  return new KafkaLogError(code, `${doing}: ${reason}${advice}`, place, { cause: error });
}

/** Of several failures in one, as of making topics, each. */
function causesOf(error: unknown): readonly unknown[] {
  const several = error instanceof Error && "errors" in error && Array.isArray(error.errors) ? error.errors : [];
  return several.length > 0 ? several : [error];
}

function codeOf(error: unknown): KafkaLogErrorCode {
  const { names, types, codes } = lineage(causesOf(error)[0]);
  if (names.has("TokenError")) return "token_unavailable";
  const any = (set: ReadonlySet<string>, values: readonly string[]) => values.some((value) => set.has(value));
  if (
    any(names, ["KafkaJSSASLAuthenticationError", "TokenRefusedError"]) ||
    any(types, ["SASL_AUTHENTICATION_FAILED"])
  ) {
    return "sign_in_refused";
  }
  if ([...types].some((type) => type.endsWith("AUTHORIZATION_FAILED"))) return "not_authorized";
  if (any(types, ["UNKNOWN_TOPIC_OR_PARTITION"])) return "topic_missing";
  if (any(types, ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"])) return "record_too_large";
  if ([...codes].some((code) => TLS_CODES.test(code))) return "certificate_refused";
  const away = ["KafkaJSConnectionError", "KafkaJSConnectionClosedError", "KafkaJSRequestTimeoutError"];
  if (any(names, [...away, "KafkaJSBrokerNotFound", "KafkaJSNoBrokerAvailableError"])) return "unreachable";
  return "refused";
}

/** Of OpenSSL's verification and of Node's TLS. */
const TLS_CODES = /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/;

/** Names, protocol types and system codes of an error and of everything that it wraps. */
function lineage(error: unknown): { names: Set<string>; types: Set<string>; codes: Set<string> } {
  const names = new Set<string>();
  const types = new Set<string>();
  const codes = new Set<string>();
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    names.add(at.name);
    if ("type" in at && typeof at.type === "string") types.add(at.type);
    if ("code" in at && typeof at.code === "string") codes.add(at.code);
  }
  return { names, types, codes };
}

/** The fault of the request itself: the same again would be refused again. */
export function isFinal(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof TypeError) return true;
  return FINAL.has(kafkaLogError("", error).code);
}

const FINAL: ReadonlySet<KafkaLogErrorCode> = new Set([
  "not_authorized",
  "record_too_large",
  "invalid_options",
  "invalid_position",
  "closed",
]);
