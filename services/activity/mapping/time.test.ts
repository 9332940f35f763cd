import fc from "fast-check";
import { DateTime, IANAZone, Settings } from "luxon";
import { afterEach, describe, expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";
import { compileTime, epochFormatsWithin, ISO_OR_MILLIS } from "./time.ts";
import { compileZone } from "./zone.ts";

const ZONES = [
  "Etc/UTC",
  "Europe/Paris",
  "America/New_York",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Pacific/Apia",
  "Africa/Casablanca",
  "America/Sao_Paulo",
];
const FROM = Date.UTC(2000, 0, 1);
const TO = Date.UTC(2035, 0, 1);

const realNow = Settings.now;
afterEach(() => {
  Settings.now = realNow;
});

/**
 * Luxon's own reading; of a time that occurs twice the earlier instant. Luxon guesses from the offset of the present,
 * and guesses wrong where a zone has since moved far (Apia), so the present is set to the time in question.
 */
function readByLuxon(civil: DateTime, read: () => DateTime): number {
  Settings.now = () => civil.toMillis();
  const time = read();
  return time.isValid ? Math.min(...time.getPossibleOffsets().map((possible) => possible.toMillis())) : Number.NaN;
}

const civilTimes = fc
  .record({ zone: fc.constantFrom(...ZONES), utc: fc.integer({ min: FROM, max: TO }) })
  .map(({ zone, utc }) => ({ zone, civil: DateTime.fromMillis(utc, { zone: "utc" }) }));

/** Civil times within two days of a change of clocks, where mistakes would show. */
const civilTimesNearChanges = fc
  .record({
    zone: fc.constantFrom(...ZONES.slice(1)),
    year: fc.integer({ min: 2000, max: 2030 }),
    change: fc.nat(),
    shift: fc.integer({ min: -172_800, max: 172_800 }),
  })
  .map(({ zone, year, change, shift }) => {
    const changes = changesOf(zone, year);
    const at = changes.length === 0 ? Date.UTC(year, 2, 31) : (changes[change % changes.length] ?? 0);
    return { zone, civil: DateTime.fromMillis(at + shift * 1000, { zone: "utc" }) };
  });

const changesByYear = new Map<string, number[]>();

function changesOf(zone: string, year: number): number[] {
  const key = `${zone} ${year}`;
  const known = changesByYear.get(key);
  if (known !== undefined) return known;
  const iana = IANAZone.create(zone);
  const changes: number[] = [];
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 86_400_000) {
    if (iana.offset(at) !== iana.offset(at + 86_400_000)) changes.push(at + iana.offset(at) * 60_000);
  }
  changesByYear.set(key, changes);
  return changes;
}

describe("compilePattern", () => {
  const patterns = [
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy-MM-dd'T'HH:mm:ss",
    "ddMMyyyyHHmm",
    "dd.MM.yyyy",
    "'day' yyyyMMdd",
    "dd/MMM/yyyy h:mm:ss a",
  ];

  test.each(["random", "near a change of clocks"] as const)("reads %s times as luxon does", (which) => {
    const times = which === "random" ? civilTimes : civilTimesNearChanges;
    fc.assert(
      fc.property(times, fc.constantFrom(...patterns), ({ zone, civil }, pattern) => {
        const text = civil.toFormat(pattern, { locale: "en-US" });
        const expected = readByLuxon(civil, () => DateTime.fromFormat(text, pattern, { zone, locale: "en-US" }));
        expect(compilePattern(pattern, compileZone(zone))(text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("refuses and accepts the same texts as luxon", () => {
    const digit = fc.constantFrom(..."0123456789");
    const nearTimes = fc
      .tuple(
        fc.string({ unit: digit, minLength: 17, maxLength: 17 }),
        fc.constantFrom("-", "/", " "),
        fc.constantFrom("", "x", "0"),
      )
      .map(([d, dash, tail]) => {
        const date = `${d.slice(0, 4)}${dash}${d.slice(4, 6)}-${d.slice(6, 8)}`;
        return `${date} ${d.slice(8, 10)}:${d.slice(10, 12)}:${d.slice(12, 14)}.${d.slice(14, 17)}${tail}`;
      });
    const parse = compilePattern("yyyy-MM-dd HH:mm:ss.SSS", compileZone("Etc/UTC"));
    const plausible = fc.record({
      month: fc.integer({ min: 0, max: 13 }),
      day: fc.integer({ min: 0, max: 32 }),
      hour: fc.integer({ min: 0, max: 25 }),
      minute: fc.integer({ min: 0, max: 61 }),
      second: fc.integer({ min: 0, max: 61 }),
      year: fc.integer({ min: 1, max: 9999 }),
    });
    const two = (n: number) => String(n).padStart(2, "0");
    const texts = fc.oneof(
      nearTimes,
      fc.string(),
      plausible.map(({ year, month, day, hour, minute, second }) => {
        const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
        return `${date} ${two(hour)}:${two(minute)}:${two(second)}.007`;
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parse(text)).toBe(
          DateTime.fromFormat(text, "yyyy-MM-dd HH:mm:ss.SSS", { zone: "utc", locale: "en-US" }).toMillis(),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("does not depend on the present", () => {
    const parse = () => compilePattern("yyyy-MM-dd HH:mm", compileZone("America/New_York"))("2024-11-03 01:30");
    Settings.now = () => Date.UTC(2024, 6, 1);
    const inSummer = parse();
    Settings.now = () => Date.UTC(2024, 0, 1);
    expect(parse()).toBe(inSummer);
    expect(new Date(inSummer).toISOString()).toBe("2024-11-03T05:30:00.000Z");
  });

  test.each([
    ["yyyy-MM-dd'T'HH:mm:ssZZ", "2024-05-06T07:08:09+02:00", "2024-05-06T05:08:09.000Z"],
    ["dd/MMM/yyyy:HH:mm:ss ZZZ", "06/May/2024:07:08:09 -0700", "2024-05-06T14:08:09.000Z"],
    ["EEE, dd MMM yyyy HH:mm:ss", "Mon, 06 May 2024 07:08:09", "2024-05-06T11:08:09.000Z"],
    ["yyyy-MM-dd HH:mm:ss.u", "2024-05-06 07:08:09.123456789", "2024-05-06T11:08:09.123Z"],
    ["M/d/yyyy h:mm a", "5/6/2024 7:08 PM", "2024-05-06T23:08:00.000Z"],
    ["yyyy ooo", "2024 127", "2024-05-06T04:00:00.000Z"],
    ["yyyyMMdd", "20240506", "2024-05-06T04:00:00.000Z"],
    ["yyyy-MM-dd HH", "2024-05-06 24", "2024-05-07T04:00:00.000Z"],
  ])("%s reads %s", (pattern, text, expected) => {
    expect(new Date(compilePattern(pattern, compileZone("America/New_York"))(text)).toISOString()).toBe(expected);
  });

  test.each([
    ["MM-dd HH:mm", /no year/],
    ["yyyy-MM-ddTHH:mm", /'T' in single quotes/],
    ["yyyy-MM-dd'T'HH:mm:ssXXX", /ZZ \(\+01:00\)/],
    ["yyyy-MM-dd HH:mm:ss.SSSSSS", /u reads a fraction/],
    ["YYYY-MM-DD", /YYYY/],
    ["yyyy-MM-dd 'at HH:mm", /not closed/],
    ["yyyy-MM-dd HH:mm a", /24-hour/],
    ["yyyy-MM-ooo", /day of the year/],
    ["kkkk-WW", /kkkk/],
  ])("%s is refused", (pattern, why) => {
    expect(() => compilePattern(pattern, (civil) => civil)).toThrow(why);
  });

  test("never throws, whatever the text", () => {
    for (const pattern of [...patterns, "EEE, d MMM y ZZ", "yyyy ooo u"]) {
      const parse = compilePattern(pattern, compileZone("Europe/Paris"));
      fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parse(text) === "number"));
    }
    expect(compilePattern("yyyy", (civil) => civil)("9".repeat(1_000_000))).toBeNaN();
  });
});

describe("compileZone", () => {
  test.each([
    ["twice: the earlier", "Europe/Paris", "2024-10-27T02:30:00Z", "2024-10-27T00:30:00Z"],
    ["never: later by the gap", "Europe/Paris", "2024-03-31T02:30:00Z", "2024-03-31T01:30:00Z"],
    ["a day that was left out", "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"],
    ["half an hour of summer", "Australia/Lord_Howe", "2024-04-07T01:45:00Z", "2024-04-06T14:45:00Z"],
  ])("%s", (_what, zone, civil, utc) => {
    expect(new Date(compileZone(zone)(Date.parse(civil))).toISOString()).toBe(new Date(utc).toISOString());
  });

  test("a name that is no zone is refused", () => {
    for (const name of ["Mars/Olympus", "", "+02:00 or so"]) expect(() => compileZone(name)).toThrow(RangeError);
  });
});

describe("ISO8601", () => {
  const parse = (text: string, timeZone = "Etc/UTC") => compileTime({ format: "ISO8601", timeZone }).parse(text);

  test.each([
    ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.000Z"],
    ["2024-05-06T07:08:09.5Z", "2024-05-06T07:08:09.500Z"],
    ["2024-05-06T07:08:09.123456789+02:00", "2024-05-06T05:08:09.123Z"],
    ["2024-05-06T07:08:09-0330", "2024-05-06T10:38:09.000Z"],
    ["2024-05-06T07:08:09", "2024-05-06T11:08:09.000Z"],
    ["2024-05-06 07:08:09.25", "2024-05-06T11:08:09.250Z"],
    ["2024-05-06 07:08", "2024-05-06T11:08:00.000Z"],
    ["2024-05-06", "2024-05-06T04:00:00.000Z"],
    ["20240506T070809Z", "2024-05-06T07:08:09.000Z"],
    ["2024-W19-1T07:08:09+00:00", "2024-05-06T07:08:09.000Z"],
    ["2024-05-06T24:00:00Z", "2024-05-07T00:00:00.000Z"],
  ])("%s (New York without an offset)", (text, expected) => {
    expect(new Date(parse(text, "America/New_York")).toISOString()).toBe(expected);
  });

  test.each([
    "",
    "yesterday",
    "12:30",
    "T12:30Z",
    "2024-13-01",
    "2024-02-30T00:00:00Z",
    "2024-05-06T25:00:00Z",
    "2024-05-06T07:08:09+24:00x",
    "1714979289",
  ])("%j is none", (text) => {
    expect(parse(text)).toBeNaN();
  });

  test("reads what luxon writes as luxon reads it", () => {
    const spelling = fc.record({
      includeOffset: fc.boolean(),
      suppressMilliseconds: fc.boolean(),
      format: fc.constantFrom("basic" as const, "extended" as const),
    });
    const times = fc.oneof(civilTimes, civilTimesNearChanges);
    fc.assert(
      fc.property(times, fc.constantFrom(...ZONES), spelling, ({ zone, civil }, writtenIn, options) => {
        const text = civil.setZone(writtenIn, { keepLocalTime: true }).toISO(options) ?? "";
        const read = () => DateTime.fromISO(text, { zone });
        expect(parse(text, zone)).toBe(options.includeOffset ? read().toMillis() : readByLuxon(civil, read));
      }),
      { numRuns: 2000 },
    );
  });

  test("reads every millisecond as written", () => {
    for (let ms = 0; ms < 1000; ms++) {
      expect(parse(`2024-05-06T07:08:09.${String(ms).padStart(3, "0")}Z`)).toBe(Date.UTC(2024, 4, 6, 7, 8, 9, ms));
    }
  });

  test("never throws, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parse(text, "Europe/Paris") === "number"));
  });
});

describe("epochs", () => {
  const at = Date.UTC(2024, 4, 6, 7, 8, 9, 123);
  test.each([
    ["EpochSeconds", at / 1000],
    ["EpochSeconds", String(at / 1000)],
    ["EpochMillis", at],
    ["EpochMillis", ` ${at} `],
    ["EpochMicros", at * 1000 + 400],
    ["EpochMicros", String(at * 1000)],
  ] as const)("%s reads %j", (format, value) => {
    expect(compileTime({ format, timeZone: "Etc/UTC" }).parse(value)).toBe(at);
  });

  test("every millisecond of epoch seconds survives its fraction", () => {
    const { parse } = compileTime({ format: "EpochSeconds", timeZone: "Etc/UTC" });
    fc.assert(
      fc.property(
        fc.integer({ min: FROM, max: TO }),
        (ms) => parse(ms / 1000) === ms && parse((ms / 1000).toFixed(3)) === ms,
      ),
    );
  });

  test.each([null, true, "", "0x10", "Infinity", "1,000", "12 May", {}, [1], Number.NaN, Number.POSITIVE_INFINITY])(
    "%j is none",
    (value) => {
      expect(compileTime({ format: "EpochMillis", timeZone: "Etc/UTC" }).parse(value)).toBeNaN();
    },
  );

  test("a value in the wrong unit names the right one", () => {
    expect(epochFormatsWithin(at / 1000, FROM, TO)).toEqual(["EpochSeconds"]);
    expect(epochFormatsWithin("1714979289123000", FROM, TO)).toEqual(["EpochMicros"]);
  });
});

test("a Pattern reads digits that came as a number", () => {
  const { parse } = compileTime({ format: "Pattern", pattern: "yyyyMMdd", timeZone: "Etc/UTC" });
  expect(parse(20240506)).toBe(Date.UTC(2024, 4, 6));
  expect(parse(2024.5)).toBeNaN();
});

test("ProductMatcher's own times are ISO 8601 or milliseconds", () => {
  expect(ISO_OR_MILLIS.parse("2024-05-06")).toBe(Date.UTC(2024, 4, 6));
  expect(ISO_OR_MILLIS.parse(Date.UTC(2024, 4, 6))).toBe(Date.UTC(2024, 4, 6));
  expect(ISO_OR_MILLIS.parse([])).toBeNaN();
});
