import { describe, expect, test } from "vitest";
import { type Contender, elect, type GateOptions, type Incumbent, rule } from "./gate.ts";

const GATE: GateOptions = {
  minLiftPercent: 0,
  maxDropPercent: 1,
  confidencePercent: 95,
  minCoveragePercent: 5,
  maxModelMegabytes: 1024,
};

const CASES = 400;
const ACTORS = Array.from({ length: CASES }, (_, at) => at);
const recipe = (algorithm: string, strength = 1) => ({ algorithm, parameters: { strength } });

/** Lists worth 0.2 to 0.6, all multiplied alike. */
function values(factor: number): Float64Array {
  return Float64Array.from({ length: CASES }, (_, at) => factor * (0.2 + ((at * 37) % 100) / 250));
}

/** As good on average, better for one half and worse for the other. */
function unlucky(): Float64Array {
  return Float64Array.from(values(1), (value, at) => value * (at % 2 === 0 ? 1.3 : 0.7));
}

const contender = (name: string, worth: Float64Array, strength = 1): Contender => ({
  recipe: recipe(name, strength),
  values: worth,
});
const inService: Incumbent = {
  version: "v1",
  recipe: recipe("itemNeighbours"),
  values: values(1),
  earlier: values(1),
  trouble: null,
};

describe("a candidate against what is in service", () => {
  test("a new recipe must surely be better", () => {
    const better = rule(contender("factorisation", values(1.05)), inService, ACTORS, GATE);
    expect(better.verdict).toBe("Promoted");
    expect(better.lift!.percent).toBeCloseTo(5, 6);
    const chance = rule(contender("factorisation", unlucky()), inService, ACTORS, GATE);
    expect(chance.verdict).toBe("Refused");
    expect(chance.reason).toMatch(/^not surely better than v1: .* the lower end must be above 0 %$/);
    expect(
      rule(contender("factorisation", values(1.05)), inService, ACTORS, { ...GATE, minLiftPercent: 5 }),
    ).toMatchObject({ verdict: "Refused" });
  });

  test("the same recipe must not have become worse", () => {
    expect(rule(contender("itemNeighbours", values(1)), inService, ACTORS, GATE).verdict).toBe("Refreshed");
    expect(rule(contender("itemNeighbours", values(0.995)), inService, ACTORS, GATE).verdict).toBe("Refreshed");
    const worse = rule(contender("itemNeighbours", values(0.98)), inService, ACTORS, GATE);
    expect(worse.verdict).toBe("Refused");
    expect(worse.reason).toBe("worse on newer data than v1 by -2.0 % (-2.0 to -2.0): the lower end must be above -1 %");
  });

  test("newer data is no merit of a new recipe, and no excuse of the same", () => {
    const older = { ...inService, earlier: values(0.9) };
    expect(rule(contender("factorisation", values(1)), older, ACTORS, GATE).verdict).toBe("Refused");
    const better = { ...inService, values: values(0.9), earlier: values(1) };
    expect(rule(contender("itemNeighbours", values(0.9)), better, ACTORS, GATE).verdict).toBe("Refused");
  });

  test("nothing takes the place of what could not be fitted again", () => {
    const failing = { ...inService, values: null, earlier: null, trouble: "the disk is full" };
    const ruling = rule(contender("factorisation", values(2)), failing, ACTORS, GATE);
    expect(ruling.verdict).toBe("Refused");
    expect(ruling.reason).toBe("the recipe of v1 could not be fitted again: the disk is full");
  });

  test("other parameters make another recipe", () => {
    expect(rule(contender("itemNeighbours", values(1), 2), inService, ACTORS, GATE).verdict).toBe("Refused");
  });

  test("where nothing can be compared a new recipe waits, and the one in service goes on", () => {
    const none = new Float64Array(0);
    expect(rule(contender("factorisation", none), inService, [], GATE)).toMatchObject({
      verdict: "Refused",
      lift: null,
    });
    expect(rule(contender("itemNeighbours", none), inService, [], GATE).verdict).toBe("Refreshed");
    expect(rule(contender("factorisation", none), null, [], GATE).verdict).toBe("Promoted");
    const forgotten = { ...inService, values: null, earlier: null };
    expect(rule(contender("factorisation", values(1)), forgotten, ACTORS, GATE).verdict).toBe("Promoted");
  });

  test("over one that had nothing right", () => {
    const useless = { ...inService, values: values(0), earlier: values(0) };
    expect(rule(contender("factorisation", values(0.1)), useless, ACTORS, GATE).verdict).toBe("Promoted");
    expect(rule(contender("factorisation", values(0)), useless, ACTORS, GATE).verdict).toBe("Refused");
  });
});

describe("who answers users", () => {
  test("the best, when it passes", () => {
    const candidates = [
      contender("itemNeighbours", values(1)),
      contender("factorisation", values(1.1)),
      contender("hybrid", values(1.2)),
    ];
    const { winner, rulings } = elect(candidates, inService, ACTORS, GATE);
    expect(winner).toBe(2);
    expect(rulings.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ["Refused", "hybrid was better"],
      ["Refused", "hybrid was better"],
      ["Promoted", ""],
    ]);
  });

  test("else the one in service on newer data", () => {
    const candidates = [
      contender(
        "hybrid",
        unlucky().map((value) => value + 1e-6),
      ),
      contender("itemNeighbours", values(1)),
    ];
    const { winner, rulings } = elect(candidates, inService, ACTORS, GATE);
    expect(winner).toBe(1);
    expect(rulings.map(({ verdict }) => verdict)).toEqual(["Refused", "Refreshed"]);
  });

  test("else nobody new", () => {
    const { winner } = elect([contender("itemNeighbours", values(0.9))], inService, ACTORS, GATE);
    expect(winner).toBeNull();
    expect(elect([], inService, ACTORS, GATE)).toEqual({ winner: null, rulings: [] });
  });
});
