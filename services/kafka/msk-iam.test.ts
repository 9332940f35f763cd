import { afterEach, expect, it, vi } from "vitest";
import { signMskToken } from "./msk-iam.ts";

afterEach(() => vi.unstubAllEnvs());

it("is a request to the cluster's region, signed with the credentials of the environment, for a quarter of an hour", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIATEST");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("AWS_SESSION_TOKEN", "session");
  const before = Date.now();
  const { value, expiresAt } = await signMskToken("eu-central-1");
  const url = new URL(Buffer.from(value, "base64url").toString("utf8"));
  expect(url.host).toBe("kafka.eu-central-1.amazonaws.com");
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    Action: "kafka-cluster:Connect",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": expect.stringMatching(/^AKIATEST\/\d{8}\/eu-central-1\/kafka-cluster\/aws4_request$/),
    "X-Amz-Expires": "900",
    "X-Amz-Security-Token": "session",
    "X-Amz-Signature": expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(Math.abs(expiresAt - before - 900_000)).toBeLessThan(60_000);
});
