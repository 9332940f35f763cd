/** Recommenders, one for each variant, each with the same shop. */
import { cpuSeconds, MEASURED_CORES, OTHER_CORES, pin } from "../ingest/processes.ts";
import { type Program, startProgram } from "../ingest/programs.ts";
import { underLoad } from "../load.ts";
import type { Row } from "../row.ts";
import { userPaths } from "../serving.ts";
import { environmentOf, inRounds, rowsOf, VARIANTS, type Variant } from "./variants.ts";

const CONNECTIONS = 50;

interface Addresses {
  readonly kept: string;
  readonly computed: string;
}

export async function benchServing(
  receiver: string,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Row[]> {
  const programs = new Map<Variant, Program & { readonly addresses: Addresses }>();
  try {
    for (const variant of VARIANTS) {
      const environment = environmentOf(variant, receiver);
      const program = await startProgram("traced-recommender.ts", [], MEASURED_CORES, environment);
      programs.set(variant, { ...program, addresses: JSON.parse(await program.firstLine) as Addresses });
    }
    const rows: Row[] = [];
    for (const kind of ["kept", "computed"] as const) {
      const measure = async (variant: Variant, duration = seconds) => {
        const program = programs.get(variant);
        if (program === undefined) throw new Error(`${variant} does not run`);
        const load = { url: program.addresses[kind], paths: userPaths(), connections: CONNECTIONS, seconds: duration };
        const before = cpuSeconds(program.pid);
        const { requests } = await underLoad(load, (loader) => pin(loader, OTHER_CORES));
        return ((cpuSeconds(program.pid) - before) * 1e6) / requests;
      };
      // Until the compiler has done its work.
      for (const variant of VARIANTS) await measure(variant, 2);
      const name = kind === "kept" ? "recommendation, kept" : "recommendation, computed";
      rows.push(...rowsOf(`${name}: CPU time`, "µs/request", await inRounds(rounds, (variant) => measure(variant))));
    }
    return rows;
  } finally {
    for (const program of programs.values()) program.end();
  }
}
