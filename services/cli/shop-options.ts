/** Which simulated shop: the same options, the same items and shoppers, whoever takes them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { DateTime } from "luxon";
import { wholeNumberFrom } from "./options.ts";

export interface ShopCommandOptions {
  readonly seed: number;
  readonly items: number;
  readonly shoppers: number;
  /** Milliseconds since 1970. */
  readonly start: number;
}

export function withShopOptions(command: Command): Command {
  return command
    .option("--seed <number>", "which shop: items, shoppers and all they do follow from it", wholeNumberFrom(0), 1)
    .option("--items <number>", "items on the first day; 1 % more arrive every week", wholeNumberFrom(1), 600)
    .option("--shoppers <number>", "registered shoppers", wholeNumberFrom(1), 2_000)
    .addOption(
      new Option("--start <time>", "opening of the shop, ISO 8601, UTC when it names no zone")
        .argParser(isoTime)
        .default(Date.UTC(2024, 0, 1), "2024-01-01"),
    );
}

function isoTime(text: string): number {
  const time = DateTime.fromISO(text, { zone: "utc" });
  if (time.isValid && time.toMillis() >= Date.UTC(2000)) return time.toMillis();
  throw new InvalidArgumentError("expected a time from 2000 on such as 2024-01-01 or 2024-01-01T08:00:00Z");
}
