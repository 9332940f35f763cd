import { defineConfig } from "vitest/config";

/** `fast`: unit and embedded suites; `slow`: whole processes, real data sets, long properties; `kafka`: a real broker. */
export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["{crds,operator,services,dashboards}/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.slow.test.ts", "**/*.kafka.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          include: ["{crds,operator,services,dashboards,test}/**/*.slow.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: "kafka",
          include: ["**/*.kafka.test.ts"],
          globalSetup: "test/kafka/setup.ts",
          testTimeout: 120_000,
        },
      },
    ],
  },
});
