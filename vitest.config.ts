import { defineConfig } from "vitest/config";

/** `fast`: unit and embedded suites; `slow`: whole processes, real data sets, long properties. */
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
          exclude: ["**/*.slow.test.ts"],
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
    ],
  },
});
