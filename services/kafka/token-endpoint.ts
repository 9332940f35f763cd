/**
 * Tokens of an identity provider, by the client credentials grant (RFC 6749, 4.4).
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { readSecret } from "../config/secret-file.ts";
import { HttpRequestError, requestJson } from "../http/request.ts";
import type { OAuthFiles } from "./options.ts";
import { type Token, TokenError } from "./tokens.ts";

const TIMEOUT_MILLISECONDS = 10_000;
/** Where neither the provider nor the token says how long it lives. */
const ASSUMED_LIFE_SECONDS = 300;

const granted = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().optional(),
});

/** The secrets are read from their files each time. @throws TokenError */
export async function fetchToken(files: OAuthFiles, now: number): Promise<Token> {
  const { tokenEndpointURL, scope } = files;
  const { authorization, ca } = readSecrets(files);
  const body = new URLSearchParams({ grant_type: "client_credentials", ...(scope === undefined ? {} : { scope }) });
  const answer = await requestJson({
    url: new URL(tokenEndpointURL),
    method: "POST",
    headers: { authorization, accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: body.toString(),
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    ...(ca === undefined ? {} : { ca }),
  }).catch((error: unknown) => {
    if (!(error instanceof HttpRequestError)) throw error;
    const check = error.code === "certificate_refused" ? "sasl.oauth.caSecretKeyRef" : "sasl.oauth.tokenEndpointURL";
    throw new TokenError("token_unreachable", `${tokenEndpointURL}: ${error.message}; check ${check}`, {
      cause: error,
    });
  });
  if (answer.status >= 500) throw new TokenError("token_unreachable", `${tokenEndpointURL} answers ${answer.status}`);
  if (answer.status !== 200) throw refusal(tokenEndpointURL, answer);
  const parsed = granted.safeParse(answer.body);
  if (!parsed.success) {
    throw new TokenError(
      "token_invalid",
      `${tokenEndpointURL} answers without an access_token; is it the token endpoint?`,
    );
  }
  const { access_token: value, expires_in: life } = parsed.data;
  return {
    value,
    expiresAt: life === undefined ? (expiryOf(value) ?? now + ASSUMED_LIFE_SECONDS * 1_000) : now + life * 1_000,
  };
}

function readSecrets({ clientId, clientSecretFile, caFile }: OAuthFiles) {
  try {
    // Each part encoded by itself: RFC 6749, 2.3.1.
    const pair = [readSecret(clientId), readSecret({ file: clientSecretFile })].map(encodeURIComponent).join(":");
    const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    return { authorization, ca: caFile === undefined ? undefined : readFileSync(caFile) };
  } catch (error) {
    throw new TokenError("token_unreachable", `${(error as Error).message}: is the Secret there, with this key?`, {
      cause: error,
    });
  }
}

function refusal(url: string, { status, body }: { readonly status: number; readonly body: unknown }): TokenError {
  const { error, error_description: detail } = z
    .looseObject({ error: z.string().optional(), error_description: z.string().optional() })
    .catch({})
    .parse(body);
  const said = [error, detail].filter((part) => part !== undefined).join(": ");
  const advice = "check the client's id and secret, and sasl.oauth.scope";
  return new TokenError("token_refused", `${url} answers ${status}${said === "" ? "" : ` (${said})`}; ${advice}`);
}

/** A JWT says itself when it expires. */
function expiryOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const { exp } = z.looseObject({ exp: z.number() }).parse(claims);
    return exp * 1_000;
  } catch {
    return undefined;
  }
}
