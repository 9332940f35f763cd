/**
 * Tokens for signing in, each used until shortly before it expires.
 */

export interface Token {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export type TokenErrorCode = "token_unreachable" | "token_refused" | "token_invalid";

/** No token could be had. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: TokenErrorCode;

  constructor(code: TokenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface TokenSource {
  /** @throws TokenError */
  current(): Promise<Token>;
  /** The brokers refused it: the next one is asked for anew. */
  refused(token: Token): Promise<void>;
}

/** Above the ten seconds before its end in which a session is renewed: a renewal then brings a session that lasts. */
const MARGIN_MILLISECONDS = 30_000;
/** Of the life of a token that does not live so long. */
const MARGIN_SHARE = 0.5;

/** A provider that refuses is not asked more often. */
const FAILURE_KEPT_MILLISECONDS = 1_000;

/** @param fetch a new token; asked by one at a time, however many wait for it */
export function cachedTokens(fetch: () => Promise<Token>, now: () => number): TokenSource {
  let token: Promise<Token> | null = null;
  let usableUntil = 0;
  const renew = (): Promise<Token> => {
    usableUntil = Number.POSITIVE_INFINITY;
    token = fetch();
    token.then(
      ({ expiresAt }) => {
        usableUntil = expiresAt - Math.min(MARGIN_MILLISECONDS, (expiresAt - now()) * MARGIN_SHARE);
      },
      () => {
        usableUntil = now() + FAILURE_KEPT_MILLISECONDS;
      },
    );
    return token;
  };
  return {
    current: () => (token !== null && now() < usableUntil ? token : renew()),
    async refused({ value }) {
      const cached = await token;
      if (cached?.value === value) usableUntil = 0;
    },
  };
}
