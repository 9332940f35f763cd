/** Reading numbers at fixed places of a text, and civil time to milliseconds: what the fast paths of time parsing share. */

const CODE_0 = 48;

/** The `count` ASCII digits of `text` at `at` as a number, or -1 where there is anything else. */
export function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - CODE_0;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * Milliseconds from 1970-01-01 to a civil time of the same calendar, as if it were UTC; `NaN` when there is no such
 * time, and for the years before 1000 and the hour 24, which the caller leaves to luxon.
 */
export function civilMillis(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  millisecond: number,
): number {
  const known = year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  const within =
    hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 59 && millisecond >= 0;
  return known && within ? Date.UTC(year, month - 1, day, hour, minute, second, millisecond) : Number.NaN;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
