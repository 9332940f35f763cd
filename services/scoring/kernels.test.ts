import { expect, test } from "vitest";
import { KERNELS } from "./kernels.generated.ts";
import { compileKernels } from "./wasm/compile.ts";

test("the binary is what its source compiles to: else npm run kernels", async () => {
  expect(KERNELS).toBe(Buffer.from(await compileKernels()).toString("base64"));
});
