/** What the API server answered instead of what was asked for. */

/** The body of a refusal, as the API server writes it. */
export interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** `code` is the HTTP status; the message is the API server's own sentence, with what was asked. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  /** In one word, by the API server: `AlreadyExists`, `Expired`, `Forbidden`. */
  readonly reason: string;
  /** The API server's sentence alone. */
  readonly sentence: string;
  /** How long it asks to be left alone. */
  readonly retryAfterMilliseconds: number | undefined;

  constructor(request: string, code: number, status: Status, retryAfterMilliseconds?: number) {
    const sentence = status.message ?? "no reason given";
    super(`${request}: ${code} ${sentence}`);
    this.code = code;
    this.reason = status.reason ?? "";
    this.sentence = sentence;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

/** The API server cannot be reached, or went away while it answered. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: string;

  constructor(request: string, cause: Error) {
    const code = "code" in cause && typeof cause.code === "string" ? cause.code : "connection_failed";
    super(`${request}: ${cause.message || code}`, { cause });
    this.code = code;
  }
}

/** Trying the same again later may do. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  if (!(error instanceof ApiError)) return false;
  // A fault of what was sent, which the API server tells as one of its own.
  if (error.sentence.startsWith("failed to create typed patch object")) return false;
  return error.code === 429 || error.code >= 500 || (error.code === 409 && error.reason === "Conflict");
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/** The asked-for resource version is not kept any more. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 410 || error.reason === "Expired" || error.reason === "Gone");
}
