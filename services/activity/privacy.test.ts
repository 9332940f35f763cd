import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePrivacy, truncateIpAddress } from "./privacy.ts";

const SAFARI_ON_IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

describe("truncateIpAddress", () => {
  test.each([
    ["203.0.113.77", "203.0.113.0"],
    ["2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::"],
    ["2001:db8::1", "2001:db8::"],
    ["::ffff:203.0.113.77", "203.0.113.0"],
    ["::FFFF:cb00:714d", "203.0.113.0"],
    ["fe80::1%eth0", "fe80::"],
    ["::1", "::"],
    ["", ""],
    ["unknown", ""],
    ["203.0.113.77, 10.0.0.1", ""],
    ["203.0.113.77:443", ""],
    ["0x7f.1", ""],
  ])("%j becomes %j", (address, network) => {
    expect(truncateIpAddress(address)).toBe(network);
  });

  test("hosts of one network cannot be told apart, and nothing makes it throw", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(255), (address, host) => {
        expect(truncateIpAddress(`${address.slice(0, address.lastIndexOf("."))}.${host}`)).toBe(
          truncateIpAddress(address),
        );
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const network = truncateIpAddress(address);
        expect(truncateIpAddress(network)).toBe(network);
        expect(network).not.toBe("");
      }),
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof truncateIpAddress(text) === "string"));
  });
});

describe("compilePrivacy", () => {
  test("Family keeps browser and system, without versions", () => {
    const { userAgent } = compilePrivacy({ ipAddress: "Truncate", userAgent: "Family" });
    for (const _again of [1, 2]) expect(userAgent(SAFARI_ON_IPHONE)).toBe("Safari/iOS");
    expect(userAgent(SAFARI_ON_IPHONE.padEnd(5_000, " x"))).toBe("Safari/iOS");
    expect(userAgent("curl/8.5.0")).toMatch(/\/Other$/);
    expect(userAgent("?")).toBe("Other/Other");
    expect(userAgent("")).toBe("");
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof userAgent(text) === "string"));
  });

  test("Drop keeps nothing, Keep everything", () => {
    const dropping = compilePrivacy({ ipAddress: "Drop", userAgent: "Drop" });
    expect([dropping.userAgent("x"), dropping.ipAddress("203.0.113.77")]).toEqual(["", ""]);
    expect([dropping.keepsUserAgent, dropping.keepsIpAddress]).toEqual([false, false]);
    const keeping = compilePrivacy({ ipAddress: "Keep", userAgent: "Keep" });
    expect([keeping.userAgent(SAFARI_ON_IPHONE), keeping.ipAddress("203.0.113.77")]).toEqual([
      SAFARI_ON_IPHONE,
      "203.0.113.77",
    ]);
  });
});
