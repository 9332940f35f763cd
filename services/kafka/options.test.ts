import { describe, expect, it } from "vitest";
import { compileOptions } from "./options.ts";

const bootstrapServers = ["kafka:9092"];
const oauth = {
  mechanism: "OAUTHBEARER",
  tokenEndpointURL: "https://login.example/token",
  clientId: "shop",
  clientSecretFile: "secret",
} as const;

describe("options", () => {
  it("are completed with defaults", () => {
    expect(compileOptions({ bootstrapServers })).toMatchObject({ bootstrapServers, compression: "gzip" });
  });

  it.each([
    [{ bootstrapServers: [] }, "at least one broker"],
    [{ bootstrapServers: ["kafka"] }, "write host:port"],
    [{ bootstrapServers, compression: "brotli" as never }, "none, gzip, snappy, lz4, zstd"],
    [{ bootstrapServers, tls: { keyFile: "key.pem" } }, "give both"],
    [{ bootstrapServers, maxBufferedBytes: 0 }, "maxBufferedBytes is 0"],
    [{ bootstrapServers, sasl: { mechanism: "AWS_MSK_IAM", region: "eu-central-1" } as const }, "needs TLS"],
    [{ bootstrapServers, sasl: { ...oauth, tokenEndpointURL: "login" } }, "write https://"],
    [{ bootstrapServers, sasl: { ...oauth, extensions: { auth: "x" } } }, 'extension "auth"'],
    [{ bootstrapServers, sasl: { ...oauth, extensions: { a: "x\u0001auth=y" } } }, 'extension "a"'],
    [{ bootstrapServers, topicDefaults: { partitions: 0, replicationFactor: 1 } }, "partitions is 0"],
  ])("that cannot work are refused, with what to write instead: %j", (options, advice) => {
    expect(() => compileOptions(options)).toThrow(advice);
    expect(() => compileOptions(options)).toThrow(expect.objectContaining({ code: "invalid_options" }));
  });
});
