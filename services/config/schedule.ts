/** What CEL cannot check of a schedule. */
import { Cron } from "croner";
import type { Finding, Path } from "./fault.ts";

/** A schedule must mean the same to a CronJob and to the local scheduler, which takes more than a CronJob does. */
export function checkSchedule(schedule: string, path: Path): Finding[] {
  const fault = scheduleFault(schedule.trim());
  return fault === undefined ? [] : [{ path, message: `${JSON.stringify(schedule)} ${fault}` }];
}

function scheduleFault(schedule: string): string | undefined {
  const fields = schedule.split(/\s+/);
  const [, , dayOfMonth = "", , dayOfWeek = ""] = fields;
  if (fields.length !== 5 && !schedule.startsWith("@")) {
    return "is not a cron expression: write five fields, minute, hour, day of month, month and day of week";
  }
  if (/[LW#]/i.test(dayOfMonth) || /[L#]/i.test(dayOfWeek)) return "has L, W or #, which a CronJob does not know";
  if (/(^|[,-])7/.test(dayOfWeek)) return "has 7 as day of the week: a CronJob writes Sunday as 0";
  try {
    const next = new Cron(schedule, { paused: true, mode: "5-part", timezone: "Etc/UTC" }).nextRun(new Date(0));
    return next === null ? "never comes" : undefined;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return `is not a cron expression: ${error.message.replace(/^CronPattern: /, "")}`;
  }
}
