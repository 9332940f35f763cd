import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { linesLogger } from "../../test/fixtures/consumer.ts";
import { watchKeys } from "./keys.ts";
import { mountedSecrets } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "productmatcher-keys-"));
const closing: ((deadline: number) => void | Promise<void>)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) void close(0);
  rmSync(folder, { recursive: true, force: true });
});

test("keys come from their Secrets with the scopes that the resource gives them; a missing one admits nobody", async () => {
  mkdirSync(join(folder, "shop-keys"), { recursive: true });
  writeFileSync(join(folder, "shop-keys", "office"), "office-key\n");
  writeFileSync(join(folder, "shop-keys", "web"), "web-key");
  const { logger, lines } = linesLogger();
  const keyRef = (key: string) => ({ name: "shop-keys", key });
  const keys = await watchKeys(
    "write keys",
    () => [
      { name: "office", secretKeyRef: keyRef("office"), scopes: ["Activity", "Catalogue"] },
      { name: "web", secretKeyRef: keyRef("web") },
      { name: "late", secretKeyRef: keyRef("late") },
    ],
    { secrets: mountedSecrets(folder), logger, onClose: (close) => void closing.push(close) },
  );
  expect(keys()).toEqual([
    { name: "office", key: "office-key", scopes: ["Activity", "Catalogue"] },
    { name: "web", key: "web-key" },
  ]);
  expect(lines).toMatchObject([{ msg: expect.stringContaining("late") }]);
});
