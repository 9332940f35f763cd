/**
 * An identity provider of the test's own: its key, and a token endpoint for the client credentials grant.
 */
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const KEY_ID = "test";

/** A key that signs tokens, and the file by which brokers check them. */
export function makeTokenKey(folder: string): { readonly tokenKeyFile: string; readonly jwksFile: string } {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const tokenKeyFile = join(folder, "token-key.pem");
  const jwksFile = join(folder, "jwks.json");
  writeFileSync(tokenKeyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const key = { ...publicKey.export({ format: "jwk" }), kid: KEY_ID, use: "sig", alg: "RS256" };
  writeFileSync(jwksFile, JSON.stringify({ keys: [key] }));
  return { tokenKeyFile, jwksFile };
}

export interface TokenEndpoint {
  readonly url: string;
  /** Of the client `shop`. */
  clientSecret: string;
  lifeSeconds: number;
  /** Answers with this in place of a token, when set. */
  fault: { readonly status: number; readonly body: string } | null;
  /** Forms that were sent, with the client's id and secret. */
  readonly asked: (Record<string, string> & { readonly client: string })[];
}

/** HTTPS with the broker's certificate. Closed after the test. */
export async function startTokenEndpoint(keyFile: string, certificateFile: string): Promise<TokenEndpoint> {
  const pem = readFileSync(certificateFile);
  const server: Server = createServer({ key: pem, cert: pem }, async (request, response) => {
    let form = "";
    for await (const chunk of request) form += chunk;
    const client = Buffer.from(request.headers.authorization?.replace("Basic ", "") ?? "", "base64").toString();
    endpoint.asked.push({ ...Object.fromEntries(new URLSearchParams(form)), client });
    const answer = (status: number, body: string) =>
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    if (endpoint.fault !== null) return answer(endpoint.fault.status, endpoint.fault.body);
    if (client !== `shop:${encodeURIComponent(endpoint.clientSecret)}`) {
      return answer(401, JSON.stringify({ error: "invalid_client", error_description: "wrong secret" }));
    }
    const { lifeSeconds } = endpoint;
    const token = signed(readFileSync(keyFile, "utf8"), { sub: "shop" }, lifeSeconds);
    answer(200, JSON.stringify({ access_token: token, token_type: "Bearer", expires_in: lifeSeconds }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const endpoint: TokenEndpoint = {
    url: `https://127.0.0.1:${address.port}/oauth2/token`,
    clientSecret: "first secret: 100%",
    lifeSeconds: 3_600,
    fault: null,
    asked: [],
  };
  return endpoint;
}

let issued = 0;

function signed(key: string, claims: object, lifeSeconds: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  issued += 1;
  const times = { iat: now, exp: now + lifeSeconds, jti: `${issued}` };
  const content = `${part({ alg: "RS256", kid: KEY_ID })}.${part({ ...claims, ...times })}`;
  return `${content}.${sign("sha256", Buffer.from(content), createPrivateKey(key)).toString("base64url")}`;
}
