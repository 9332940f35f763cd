import { defineConfig } from "vitest/config";

/** `npm run test:storm`: the operator in a storm of changes and faults, five minutes long. It wants a machine of its own. */
export default defineConfig({
  test: {
    include: ["operator/**/*.storm.test.ts"],
    globalSetup: "test/api-server/setup.ts",
    pool: "forks",
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
