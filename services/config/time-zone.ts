import type { Finding, Path } from "./fault.ts";
import { nearest } from "./suggestions.ts";

/** A time zone must be an IANA name, in its own spelling: a CronJob takes no other, and no offset such as +02:00. */
export function checkTimeZone(name: string, path: Path): Finding[] {
  const canonical = canonicalZone(name);
  if (canonical === name) return [];
  const message = `${JSON.stringify(name)} is not an IANA time zone`;
  const suggestion = canonical ?? nearest(name, ["UTC", "Etc/UTC", ...Intl.supportedValuesOf("timeZone")]);
  return [
    suggestion === undefined
      ? { path, message: `${message}: write one such as Europe/Berlin` }
      : { path, message, suggestion },
  ];
}

/** The name in its own spelling; of an alias the alias. */
function canonicalZone(name: string): string | undefined {
  if (!/^[a-z]/i.test(name)) return undefined;
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
