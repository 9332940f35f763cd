/** Waiting longer after each failure, and not all at the same moment. */

export interface BackoffOptions {
  readonly firstMilliseconds: number;
  readonly maxMilliseconds: number;
}

/**
 * Milliseconds to wait after the n-th failure in a row (from 1): doubled each time, up to the maximum, and spread over
 * its upper half.
 *
 * @param random 0 to 1
 */
export function backoffMilliseconds(failures: number, options: BackoffOptions, random: () => number): number {
  const whole = Math.min(options.firstMilliseconds * 2 ** Math.min(failures - 1, 30), options.maxMilliseconds);
  return Math.round(whole * (0.5 + random() / 2));
}
