import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startCommand } from "../../test/fixtures/command.ts";
import { pipelineResource } from "../../test/fixtures/pipelines.ts";

test("a job ends at SIGTERM of its own accord, as it must where no default of the kernel ends it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "productmatcher-signals-"));
  // A ClickHouse that takes connections, and never answers.
  const server = createServer().listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(folder, "pipeline.json");
    const sink = { clickhouse: { url, credentials: { secretRef: { name: "clickhouse" } } } };
    writeFileSync(file, JSON.stringify(pipelineResource({ sink })));
    mkdirSync(join(folder, "clickhouse"));
    for (const key of ["username", "password"]) writeFileSync(join(folder, "clickhouse", key), "shop");
    const asked = once(server, "connection");
    const job = startCommand(["migrate", "-f", file, "--secrets", folder]);
    await asked;
    job.process.kill("SIGTERM");
    await job.finished;
    expect({ code: job.process.exitCode, signal: job.process.signalCode }).toEqual({ code: 143, signal: null });
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
