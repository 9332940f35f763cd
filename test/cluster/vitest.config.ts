import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Apart from the other suites: it needs a cluster, or makes one as root. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    pool: "forks",
    include: ["test/cluster/*.cluster.test.ts"],
    disableConsoleIntercept: true,
    reporters: ["verbose"],
  },
});
