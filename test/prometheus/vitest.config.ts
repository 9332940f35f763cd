import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Apart from the other suites: alerts are waited for, on a broker, ClickHouse and roles that are broken one by one. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    pool: "forks",
    include: ["test/prometheus/*.prometheus.test.ts"],
    globalSetup: "test/kafka/setup.ts",
    testTimeout: 600_000,
    hookTimeout: 240_000,
  },
});
