import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * `fast`: unit and embedded suites; `slow`: whole processes, real data sets, long properties; `kafka`: a real broker;
 * `api-server`: a real Kubernetes control plane; `chart`: Helm before it; `prometheus`: the alerts of roles, each by its
 * fault. The story on a whole cluster is apart: test/cluster/vitest.config.ts.
 */
export default defineConfig({
  test: {
    pool: "forks",
    // Half of the suites wait for brokers, clusters and alerts most of the time: two at least keep one core busy.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Brokers, API servers and their controllers go by clocks of their own, on a machine that is shared: a second look tells
    // a fault from a slow neighbour. The reporter names what was tried twice.
    retry: process.env.CI === "true" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["{charts,crds,operator,services,dashboards}/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/*.{slow,kafka,apiserver,cluster,prometheus}.test.ts", "test/chart/**"],
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
      {
        extends: true,
        test: {
          name: "api-server",
          include: ["**/*.apiserver.test.ts"],
          globalSetup: "test/api-server/setup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxConcurrency: 12,
        },
      },
      {
        extends: true,
        test: {
          name: "prometheus",
          include: ["test/prometheus/**/*.prometheus.test.ts"],
          // After the others, alone: at rest nothing may be alarmed about, and they would be what is.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "chart",
          include: ["test/chart/**/*.test.ts"],
          globalSetup: "test/chart/setup.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
