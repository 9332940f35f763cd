/**
 * An id as one segment of an address. Some gateways decode `%2F` on the way, and browsers take `.` and `..` for steps: what holds
 * more than letters, digits and plain marks is written in base64url, behind a `~`. Pure.
 */
const PLAIN = /^(?!\.\.?$)[A-Za-z0-9._:@-]+$/;

export function segmentOf(id: string): string {
  return PLAIN.test(id) ? id : `~${Buffer.from(id).toString("base64url")}`;
}

/** Of what a router has decoded; an id that somebody wrote by hand means itself. */
export function idOf(segment: string): string {
  return segment.startsWith("~") ? Buffer.from(segment.slice(1), "base64url").toString() : segment;
}
