/** One recommender, which is told what to do before each measurement. */
import { MEASURED_CORES, mainThreadSeconds, OTHER_CORES, pin } from "../ingest/processes.ts";
import { startProgram } from "../ingest/programs.ts";
import { underLoad } from "../load.ts";
import type { Row } from "../row.ts";
import { userPaths } from "../serving.ts";
import { inRounds, rowsOf, VARIANTS, type Variant } from "./variants.ts";

const CONNECTIONS = 50;

interface Addresses {
  readonly kept: { readonly plain: string; readonly traced: string };
  readonly computed: { readonly plain: string; readonly traced: string };
  readonly control: string;
}

export async function benchServing(
  receiver: string,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Row[]> {
  const program = await startProgram("traced-recommender.ts", [receiver], MEASURED_CORES);
  try {
    const addresses = JSON.parse(await program.firstLine) as Addresses;
    const rows: Row[] = [];
    for (const kind of ["kept", "computed"] as const) {
      const measure = async (variant: Variant) => {
        await fetch(`${addresses.control}/variant/${variant}`);
        const url = addresses[kind][variant === "off" ? "plain" : "traced"];
        const load = { url, paths: userPaths(), connections: CONNECTIONS, seconds };
        const before = mainThreadSeconds(program.pid);
        const { requests } = await underLoad(load, (loader) => pin(loader, OTHER_CORES));
        return ((mainThreadSeconds(program.pid) - before) * 1e6) / requests;
      };
      // Until the compiler has done its work.
      for (const variant of VARIANTS) await measure(variant);
      const name = kind === "kept" ? "recommendation, kept" : "recommendation, computed";
      rows.push(...rowsOf(`${name}: CPU time`, "µs/request", await inRounds(rounds, measure)));
    }
    return rows;
  } finally {
    program.end();
  }
}
