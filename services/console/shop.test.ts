import { expect, test } from "vitest";
import { isWebAddress } from "./shop.ts";

test("the host of a picture holds nothing that a policy could read as more than a host", () => {
  for (const url of [
    "https://cdn.shop.example/t.png",
    "http://127.0.0.1:9000/t.png",
    "https://xn--caf-dma.example/t;*",
  ]) {
    expect(isWebAddress(url), url).toBe(true);
  }
  const hosts = ["a;script-src", "*", "*.example", "a'b", "a,b", "a_b", "[::1]", `${"x".repeat(254)}`];
  for (const host of hosts) expect(isWebAddress(`https://${host}/t.png`), host).toBe(false);
  for (const url of ["javascript:alert(1)", "data:image/png;base64,AA", "t.png", "//cdn.example/t.png"]) {
    expect(isWebAddress(url), url).toBe(false);
  }
});
