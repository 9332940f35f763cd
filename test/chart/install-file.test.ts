import { expect, test } from "vitest";
import { committedInstallFile, installFile } from "../../charts/install-file.ts";
import { describeChart, programs } from "./helm.ts";

describeChart("deploy/install.yaml", () => {
  test("is what the chart gives", async () => {
    const wanted = await installFile(programs().helm);
    expect(committedInstallFile() === wanted, "run `npm run generate` with Helm and commit it").toBe(true);
  });

  test("says nothing that only Helm reads", () => {
    expect(committedInstallFile()).not.toMatch(/helm/i);
  });
});
