/** The same split, two threads, in turn: what this project takes for what the C++ library `implicit` does. */
import { median, type Row } from "../row.ts";
import type { SplitFiles } from "./data.ts";
import type { Ours } from "./ours.ts";
import { type Measured, preparePeer, runPeer } from "./peer.ts";
import { runProgram, type Took } from "./programs.ts";

const PASSES = 4;
const FACTORS = [64, 256];
/** Times the peer's. */
const MOST = { neighbours: 7, pass: 6, top: 2 };

export async function benchAgainstPeer(files: SplitFiles, rounds: number): Promise<Row[]> {
  const python = await preparePeer();
  const both: { readonly ours: Ours; readonly theirs: Readonly<Record<string, Measured>> }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const words = [files.train, files.test, String(PASSES), ...FACTORS.map(String)];
    const ours = await runProgram<Ours>("ours.ts", words);
    both.push({ ours, theirs: await runPeer(python, files, PASSES, FACTORS) });
  }
  const compared = (what: string, of: (measured: Measured) => Took, kind: string, most: number, divisor = 1): Row[] => {
    const times = (measure: (took: Took) => number) =>
      median(both.map(({ ours, theirs }) => measure(part(ours.measured, kind, of)) / measure(part(theirs, kind, of))));
    const seconds = (side: "ours" | "theirs") =>
      median(
        both.map((round) => part(side === "ours" ? round.ours.measured : round.theirs, kind, of).seconds / divisor),
      );
    return [
      { name: `${what}: implicit`, value: seconds("theirs"), unit: "s" },
      { name: what, value: seconds("ours"), unit: "s" },
      { name: `${what}: times implicit's`, value: times(({ seconds }) => seconds), unit: "", most },
      { name: `${what}: times implicit's processor time`, value: times(({ cpuSeconds }) => cpuSeconds), unit: "" },
    ];
  };
  const recall = (kind: string): Row[] => [
    {
      name: `recall@20, implicit, ${kind}`,
      value: median(both.map(({ theirs }) => theirs[kind]?.recall ?? 0)),
      unit: "",
    },
    { name: `recall@20, ${kind}`, value: median(both.map(({ ours }) => ours.measured[kind]?.recall ?? 0)), unit: "" },
  ];
  const last = both.map(({ ours }) => ours);
  const loop = median(last.map(({ denseLoopOperationsPerSecond }) => denseLoopOperationsPerSecond)) / 1e9;
  return [
    ...compared("neighbours, 1,000 an item", ({ fit }) => fit, "neighbours", MOST.neighbours),
    ...compared("neighbours, top 20 of all users", ({ top }) => top, "neighbours", MOST.top),
    ...recall("neighbours"),
    ...FACTORS.flatMap((factors) => [
      ...compared(`ALS, ${factors} factors, a pass`, ({ pass }) => pass, `factors${factors}`, MOST.pass),
      ...compared(`ALS, ${factors} factors, top 20 of all users`, ({ top }) => top, `factors${factors}`, MOST.top),
      ...recall(`factors${factors}`),
    ]),
    { name: "a plain dense loop in TypeScript, one thread", value: loop, unit: "GFLOP/s" },
    ...FACTORS.map((factors): Row => {
      const rate = median(last.map(({ operationsPerCpuSecond }) => operationsPerCpuSecond[factors] ?? 0)) / 1e9;
      return { name: `ALS, ${factors} factors, a thread`, value: rate, unit: "GFLOP/s", ratio: rate / loop };
    }),
    { name: "from events to the matrix", value: median(last.map(({ preparation }) => preparation.seconds)), unit: "s" },
  ];
}

function part(measured: Readonly<Record<string, Measured>>, kind: string, of: (measured: Measured) => Took): Took {
  const found = measured[kind];
  if (found === undefined) throw new Error(`${kind} was not measured`);
  return of(found);
}
