/**
 * Recommenders one after the other, each told what to do before each measurement: how the compiler lays out one process
 * alone moves its figures by more than what is looked for.
 */
import { MEASURED_CORES, mainThreadSeconds, OTHER_CORES, pin } from "../ingest/processes.ts";
import { startProgram } from "../ingest/programs.ts";
import { underLoad } from "../load.ts";
import type { Row } from "../row.ts";
import { userPaths } from "../serving.ts";
import { type Costs, inRounds, rowsOf, together, VARIANTS, type Variant } from "./variants.ts";

const CONNECTIONS = 50;

const KINDS = ["kept", "computed"] as const;

type Kind = (typeof KINDS)[number];

interface Addresses {
  readonly kept: string;
  readonly computed: string;
  readonly control: string;
}

export async function benchServing(
  receiver: string,
  { processes, rounds, seconds }: { readonly processes: number; readonly rounds: number; readonly seconds: number },
): Promise<Row[]> {
  const measured: Record<Kind, Costs[]> = { kept: [], computed: [] };
  for (let number = 0; number < processes; number += 1) {
    const program = await startProgram("traced-recommender.ts", [receiver], MEASURED_CORES);
    try {
      const addresses = JSON.parse(await program.firstLine) as Addresses;
      for (const kind of KINDS) {
        const measure = async (variant: Variant) => {
          await fetch(`${addresses.control}/variant/${variant}`);
          const load = { url: addresses[kind], paths: userPaths(), connections: CONNECTIONS, seconds };
          const before = mainThreadSeconds(program.pid);
          const { requests } = await underLoad(load, (loader) => pin(loader, OTHER_CORES));
          return ((mainThreadSeconds(program.pid) - before) * 1e6) / requests;
        };
        // Until the compiler has done its work.
        for (const variant of VARIANTS) await measure(variant);
        measured[kind].push(await inRounds(rounds, measure));
      }
    } finally {
      program.end();
    }
  }
  return KINDS.flatMap((kind) => rowsOf(`recommendation, ${kind}: CPU time`, "µs/request", together(measured[kind])));
}
