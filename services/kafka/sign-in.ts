/**
 * Signing in to the brokers. Secrets are read, and tokens asked for, at each sign-in, also when a broker asks for it
 * again on a living connection (KIP-368).
 */
import kafkajs, { type Authenticator, type Mechanism, type SASLOptions } from "kafkajs";
import { readSecret } from "../config/secret-file.ts";
import { signMskToken } from "./msk-iam.ts";
import type { CompiledOptions, PasswordFiles, SaslFiles } from "./options.ts";
import { fetchToken } from "./token-endpoint.ts";
import { cachedTokens, type TokenSource } from "./tokens.ts";

type SaslAuthenticate = Parameters<Mechanism["authenticationProvider"]>[0]["saslAuthenticate"];

export function signIn(sasl: SaslFiles, now: CompiledOptions["now"]): SASLOptions | Mechanism {
  if (sasl.mechanism !== "OAUTHBEARER" && sasl.mechanism !== "AWS_MSK_IAM") return byPassword(sasl);
  const tokens = tokensOf(sasl, now);
  const extensions = sasl.mechanism === "OAUTHBEARER" ? (sasl.extensions ?? {}) : {};
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => byToken(tokens, extensions, saslAuthenticate),
  };
}

/** kafkajs reads both properties at each sign-in. */
function byPassword({ mechanism, username, passwordFile }: PasswordFiles): SASLOptions {
  const names = { PLAIN: "plain", "SCRAM-SHA-256": "scram-sha-256", "SCRAM-SHA-512": "scram-sha-512" } as const;
  return {
    mechanism: names[mechanism],
    get username() {
      return readSecret(username);
    },
    get password() {
      return readSecret({ file: passwordFile });
    },
  };
}

type TokenFiles = Exclude<SaslFiles, PasswordFiles>;

/** One source for all connections that the same options open. */
const sources = new WeakMap<TokenFiles, TokenSource>();

function tokensOf(sasl: TokenFiles, now: CompiledOptions["now"]): TokenSource {
  const known = sources.get(sasl);
  if (known !== undefined) return known;
  const fetch = () => (sasl.mechanism === "AWS_MSK_IAM" ? signMskToken(sasl.region) : fetchToken(sasl, now()));
  const source = cachedTokens(fetch, now);
  sources.set(sasl, source);
  return source;
}

/** Trying the same again inside kafkajs would be refused again. */
class TokenRefusedError extends kafkajs.KafkaJSNonRetriableError {
  override readonly name = "TokenRefusedError";
}

const SEPARATOR = "\u0001";

/**
 * RFC 7628. A broker that refuses a token says why in a challenge, which the client must acknowledge; kafkajs's own
 * provider takes that challenge for a success.
 */
function byToken(
  tokens: TokenSource,
  extensions: Readonly<Record<string, string>>,
  saslAuthenticate: SaslAuthenticate,
): Authenticator {
  return {
    async authenticate() {
      const token = await tokens.current();
      const pairs = Object.entries({ auth: `Bearer ${token.value}`, ...extensions });
      const message = ["n,,", ...pairs.map(([key, value]) => `${key}=${value}`), "", ""].join(SEPARATOR);
      const challenge = await saslAuthenticate({ request: sent(message), response: CHALLENGE });
      if (!challenge) return;
      await tokens.refused(token);
      await saslAuthenticate({ request: sent(SEPARATOR) }).catch(() => {});
      throw new TokenRefusedError(`the brokers refused the token: ${challenge}`);
    },
  };
}

/** With its length before it, as kafkajs passes it on. */
function sent(message: string) {
  const bytes = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return { encode: () => Buffer.concat([length, bytes]) };
}

const CHALLENGE = {
  decode: (framed: Buffer) => framed.subarray(4),
  parse: (challenge: Buffer) => challenge.toString("utf8"),
};
