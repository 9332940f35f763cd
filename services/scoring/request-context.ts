/** The circumstances in which a list is asked for, as buckets: in each of them some items are wanted more than else. */

export interface RequestContext {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** mobile, tablet or desktop; empty: not known. */
  readonly device: string;
  /** Empty: not known. */
  readonly country: string;
}

export const CONTEXT_DIMENSIONS = ["hour", "partOfDay", "dayType", "device", "country"] as const;

export const PARTS_OF_DAY = ["night", "morning", "afternoon", "evening"] as const;
export const HOURS_OF_PART = 24 / PARTS_OF_DAY.length;

/**
 * One bucket a dimension that is known, such as `hour.13` or `device.mobile`. Hours and days are those of UTC; the
 * trainer writes the same in SQL (services/trainer/contexts.ts).
 */
export function bucketsOf({ at, device, country }: RequestContext): string[] {
  const moment = new Date(at);
  const hour = moment.getUTCHours();
  return [
    `hour.${hour}`,
    `partOfDay.${PARTS_OF_DAY[Math.floor(hour / HOURS_OF_PART)]}`,
    `dayType.${moment.getUTCDay() % 6 === 0 ? "weekend" : "weekday"}`,
    ...(device === "" ? [] : [`device.${device}`]),
    ...(country === "" ? [] : [`country.${country}`]),
  ];
}
