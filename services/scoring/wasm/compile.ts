/** `npm run kernels`: compiles kernels.ts to WebAssembly and writes it, as text, where it is imported from. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./kernels.ts", import.meta.url));
const TARGET = fileURLToPath(new URL("../kernels.generated.ts", import.meta.url));

/** Pages of 64 KiB: 2 GiB, what a memory of an instance may grow to. */
export const MAXIMUM_PAGES = 32_768;

/** @throws Error with what the compiler says */
export async function compileKernels(): Promise<Uint8Array> {
  const { main } = await import("assemblyscript/asc");
  let binary: Uint8Array | undefined;
  const options = ["--runtime", "stub", "--importMemory", "--sharedMemory", "--initialMemory", "1"];
  const { error, stderr } = await main(
    [
      SOURCE,
      ...["--outFile", "kernels.wasm", "-O3", "--converge", "--noAssert", "--noExportMemory", "--use", "abort="],
      ...["--enable", "simd", "--enable", "threads", "--maximumMemory", String(MAXIMUM_PAGES), ...options],
    ],
    {
      writeFile: (name: string, contents: Uint8Array | string) => {
        if (name.endsWith("kernels.wasm") && typeof contents !== "string") binary = contents;
      },
    },
  );
  if (error !== null || binary === undefined) throw new Error(`${SOURCE} does not compile: ${error} ${stderr}`);
  return binary;
}

/** The module that holds the binary. */
export function generatedModule(binary: Uint8Array): string {
  return `/** Written by \`npm run generate\` from services/scoring/wasm/kernels.ts. */
export const KERNELS = "${Buffer.from(binary).toString("base64")}";
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(TARGET, generatedModule(await compileKernels()));
}
