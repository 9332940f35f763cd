import { describe, expect, it } from "vitest";
import { cachedTokens, type Token } from "./tokens.ts";

const NOW = Date.UTC(2026, 0, 15);

/** A source of tokens that are numbered, with a clock of the test's own. */
function numberedTokens(lifeMilliseconds: number) {
  const clock = { now: NOW };
  let asked = 0;
  const fault: { error: Error | null } = { error: null };
  const source = cachedTokens(
    async (): Promise<Token> => {
      asked += 1;
      if (fault.error !== null) throw fault.error;
      return { value: `${asked}`, expiresAt: clock.now + lifeMilliseconds };
    },
    () => clock.now,
  );
  return { source, clock, fault, asked: () => asked };
}

describe("a token", () => {
  it("is asked for once, also by many at a time", async () => {
    const { source, asked } = numberedTokens(3_600_000);
    const tokens = await Promise.all([source.current(), source.current(), source.current()]);
    expect(tokens.map(({ value }) => value)).toEqual(["1", "1", "1"]);
    expect(asked()).toBe(1);
  });

  it.each([
    ["lives for an hour", 3_600_000, 3_570_000],
    ["lives for twenty seconds", 20_000, 10_000],
  ])("that %s is used until shortly before it expires", async (_what, life, usable) => {
    const { source, clock } = numberedTokens(life);
    await source.current();
    clock.now += usable - 1;
    expect(await source.current()).toMatchObject({ value: "1" });
    clock.now += 1;
    expect(await source.current()).toMatchObject({ value: "2" });
  });

  it("that the brokers refused is not used again, but the one that came after it is", async () => {
    const { source } = numberedTokens(3_600_000);
    const first = await source.current();
    await source.refused(first);
    const second = await source.current();
    await source.refused(first);
    expect(await source.current()).toBe(second);
  });

  it("that was not had is asked for again a second later", async () => {
    const { source, clock, fault, asked } = numberedTokens(3_600_000);
    fault.error = new Error("away");
    await expect(source.current()).rejects.toThrow("away");
    await expect(source.current()).rejects.toThrow("away");
    expect(asked()).toBe(1);
    fault.error = null;
    clock.now += 1_000;
    expect(await source.current()).toMatchObject({ value: "2" });
  });
});
