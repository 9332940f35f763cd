import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import type { OAuthFiles } from "../../services/kafka/index.ts";
import { OAUTH_SESSION_MILLISECONDS } from "./broker.ts";
import { broker, describeKafka, numbered, openLog, takeNumbers } from "./suite.ts";
import { startTokenEndpoint, type TokenEndpoint } from "./tokens.ts";

let topic: string;
let folder: string;
let endpoint: TokenEndpoint;
let sasl: OAuthFiles;

beforeEach(async () => {
  topic = `sign-in-${randomUUID()}`;
  folder = mkdtempSync(join(tmpdir(), "productmatcher-kafka-secrets-"));
  const { certificates, tokenKeyFile } = broker();
  endpoint = await startTokenEndpoint(tokenKeyFile, certificates.brokerFile);
  const clientSecretFile = join(folder, "secret");
  writeFileSync(clientSecretFile, `${endpoint.clientSecret}\n`);
  sasl = {
    mechanism: "OAUTHBEARER",
    tokenEndpointURL: endpoint.url,
    clientId: "shop",
    clientSecretFile,
    scope: "kafka other",
    extensions: { traceId: "t-1" },
    caFile: certificates.caFile,
  };
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const openOAuthLog = (more: Parameters<typeof openLog>[0] = {}) =>
  openLog({ bootstrapServers: [broker().oauth], tls: { caFile: broker().certificates.caFile }, sasl, ...more });
const earliest = (group: string | null = null) => ({ group, topics: [topic], startFrom: "Earliest" }) as const;

async function forMilliseconds(milliseconds: number, step: () => Promise<void>): Promise<void> {
  for (const started = Date.now(); Date.now() < started + milliseconds; ) {
    await step();
    await sleep(100);
  }
}

/** Each sign-in with its connection and time, in order. */
function spyOnSignIns(): readonly { readonly connection: unknown; readonly at: number }[] {
  const authenticator = createRequire(import.meta.url)("kafkajs/src/broker/saslAuthenticator/index.js");
  const signIns: { connection: unknown; at: number }[] = [];
  const { authenticate } = authenticator.prototype;
  const spy = vi.spyOn(authenticator.prototype, "authenticate").mockImplementation(async function (this: unknown) {
    await authenticate.call(this);
    signIns.push({ connection: (this as { connection: unknown }).connection, at: Date.now() });
  });
  onTestFinished(() => spy.mockRestore());
  return signIns;
}

describeKafka("OAUTHBEARER", () => {
  it("signs in with a token of the client, which all connections share", async () => {
    const log = openOAuthLog();
    await log.append(topic, numbered(0, 10));
    expect((await takeNumbers(await log.subscribe(earliest("oauth")), 10)).size).toBe(10);
    expect(endpoint.asked).toEqual([
      {
        grant_type: "client_credentials",
        scope: "kafka other",
        client: `shop:${encodeURIComponent(endpoint.clientSecret)}`,
      },
    ]);
  });

  it("signs in anew on living connections before their sessions end", async () => {
    const signIns = spyOnSignIns();
    const log = openOAuthLog();
    await log.append(topic, numbered(0, 1));
    const tail = await log.subscribe(earliest());
    let sent = 1;
    await forMilliseconds(2 * OAUTH_SESSION_MILLISECONDS, async () => {
      await log.append(topic, numbered(sent, 1));
      await takeNumbers(tail, 1);
      sent += 1;
    });
    const connections = [...Map.groupBy(signIns, ({ connection }) => connection).values()];
    const living = connections.filter((times) => times.length > 2);
    // The producer's, and the tail's: none of them was opened in place of one that the broker had closed.
    expect(living.length).toBeGreaterThanOrEqual(2);
    const firsts = connections.map(([first]) => first?.at ?? 0);
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeLessThan(OAUTH_SESSION_MILLISECONDS / 2);
    expect(endpoint.asked).toHaveLength(1);
  });

  it("asks for another token before one expires, with the secret of that moment", async () => {
    endpoint.lifeSeconds = 8;
    const log = openOAuthLog();
    await log.append(topic, numbered(0, 1));
    endpoint.clientSecret = "second";
    writeFileSync(sasl.clientSecretFile, "second");
    let sent = 1;
    await forMilliseconds(12_000, async () => {
      await log.append(topic, numbered(sent, 1));
      sent += 1;
    });
    expect(log.events).toEqual([]);
    const clients = endpoint.asked.map(({ client }) => client);
    expect(clients.length).toBeGreaterThan(1);
    expect(clients.slice(1).every((client) => client === "shop:second")).toBe(true);
    expect((await takeNumbers(await log.subscribe(earliest()), sent)).size).toBe(sent);
  });

  it("says that the brokers refused the token, why, and goes on when they take the next", async () => {
    endpoint.fault = { status: 200, body: '{"access_token":"e30.e30.c2ln","expires_in":3600}' };
    const log = openOAuthLog({ requestTimeoutMilliseconds: 1_500 });
    const refused = await log.subscribe(earliest()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "sign_in_refused" });
    expect((refused as Error).message).toContain("invalid_token");
    endpoint.fault = null;
    await log.append(topic, numbered(0, 1));
    expect((await takeNumbers(await log.subscribe(earliest()), 1)).size).toBe(1);
  });

  it.each([
    [401, '{"error":"invalid_client","error_description":"unknown client"}', "invalid_client: unknown client"],
    [503, "<html>", "answers 503"],
    [200, "{}", "without an access_token"],
  ])("says that no token was had: %i", async (status, body, message) => {
    endpoint.fault = { status, body };
    const failed = await openOAuthLog({ requestTimeoutMilliseconds: 500 })
      .subscribe(earliest())
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "token_unavailable", message: expect.stringContaining(message) });
  });
});

describeKafka("AWS_MSK_IAM", () => {
  it("reaches the brokers with the token that the signer made; whether AWS takes it can only be seen there", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIATEST");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    const msk = { mechanism: "AWS_MSK_IAM", region: "eu-central-1" } as const;
    const failed = await openOAuthLog({ sasl: msk, requestTimeoutMilliseconds: 1_500 })
      .subscribe(earliest())
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "sign_in_refused", message: expect.stringContaining("invalid_token") });
  });
});
