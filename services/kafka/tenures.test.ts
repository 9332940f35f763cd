import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tenures } from "./tenures.ts";

const first = { topic: "t", partition: 0 };
const second = { topic: "t", partition: 1 };

function reading(from: number): Tenures {
  const tenures = new Tenures();
  for (const tenure of tenures.assign([first, second], false).begun) tenures.begin(tenure, from);
  return tenures;
}

describe("what may be committed", () => {
  it("is what was handed out of partitions that are held", () => {
    const tenures = reading(10);
    tenures.handedOut(first, 20);
    const commit = (offset: number) => tenures.committable([{ ...first, offset }]).length === 1;
    expect([9, 10, 20, 21].map(commit)).toEqual([false, true, true, false]);
    expect(tenures.committable([{ topic: "other", partition: 0, offset: 15 }])).toEqual([]);
  });

  it("ends when the partition is taken away, and does not come back with it", () => {
    const tenures = reading(10);
    tenures.handedOut(first, 20);
    expect(tenures.assign([second], true).ended).toMatchObject([first]);
    expect(tenures.committable([{ ...first, offset: 20 }])).toEqual([]);
    const { begun } = tenures.assign([first, second], true);
    expect(tenures.committable([{ ...first, offset: 20 }])).toEqual([]);
    tenures.begin(begun[0]!, 50);
    expect(tenures.committable([{ ...first, offset: 20 }])).toEqual([]);
  });

  it("stays over a rebalance for a member that was in the group all along", () => {
    const tenures = reading(10);
    tenures.handedOut(first, 20);
    expect(tenures.assign([first, second], true).kept).toMatchObject([first, second]);
    expect(tenures.committable([{ ...first, offset: 20 }])).toHaveLength(1);
    expect(tenures.assign([first, second], false).begun).toMatchObject([first, second]);
    expect(tenures.committable([{ ...first, offset: 20 }])).toEqual([]);
  });

  it("is never a position of a partition that is not held, whatever happened before", () => {
    const partition = fc.nat(3);
    const step = fc.oneof(
      fc.record({ held: fc.uniqueArray(partition), continuing: fc.boolean() }),
      fc.record({ handedOut: partition, next: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step), partition, fc.nat(100), (steps, asked, offset) => {
        const tenures = new Tenures();
        let held: number[] = [];
        for (const at of steps) {
          if ("held" in at) {
            held = at.held;
            const { begun } = tenures.assign(
              held.map((number) => ({ topic: "t", partition: number })),
              at.continuing,
            );
            for (const tenure of begun) tenures.begin(tenure, 0);
          } else tenures.handedOut({ topic: "t", partition: at.handedOut }, at.next);
        }
        const allowed = tenures.committable([{ topic: "t", partition: asked, offset }]);
        if (!held.includes(asked)) expect(allowed).toEqual([]);
      }),
    );
  });
});

describe("a batch", () => {
  it("is taken where reading goes on, with repeats before that place", () => {
    const tenures = reading(10);
    const tenure = tenures.of(first)!;
    expect([tenures.judge(tenure, 10), tenures.judge(tenure, 5)]).toEqual(["Accept", "Accept"]);
    tenures.received(tenure, 30);
    tenures.received(tenure, 25);
    expect(tenure.next).toBe(30);
  });

  it("from further along is taken only after reading was set again and the same came once more", () => {
    const tenures = reading(10);
    const tenure = tenures.of(first)!;
    expect(tenures.judge(tenure, 11)).toBe("Reposition");
    tenure.repositionedAt = 10;
    expect(tenures.judge(tenure, 11)).toBe("Accept");
    tenures.received(tenure, 12);
    expect(tenures.judge(tenure, 13)).toBe("Reposition");
  });

  it("is dropped while it is not known where reading begins", () => {
    const tenures = new Tenures();
    const [tenure] = tenures.assign([first], false).begun;
    expect(tenures.judge(tenure!, 0)).toBe("Drop");
  });
});
