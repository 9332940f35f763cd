import { Command, Option } from "commander";
import type { DeadLetterWithValue } from "../clickhouse/index.ts";
import type { ReplayedFromTopic } from "../consumer/index.ts";
import { dataDirOption, urlOption } from "./admin-client.ts";
import { type AccessOptions, accessDeadLetters, type Listing } from "./dead-letter-access.ts";
import { fileOption, secretsOption, wholeNumber } from "./options.ts";
import { count, table } from "./output.ts";
import { CommandError } from "./resource.ts";

interface ListOptions extends AccessOptions {
  readonly topic?: string;
  readonly reason?: string;
  readonly resolved?: true;
  readonly limit: number;
  readonly json?: true;
}

interface ReplayOptions extends AccessOptions {
  readonly topic?: string;
  readonly reason?: string;
  readonly from: "clickhouse" | "topic";
  readonly all?: true;
  readonly json?: true;
}

export function deadLettersCommand(): Command {
  return new Command("dead-letters")
    .description("Look at records that were not accepted, and send them through again")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand())
    .addHelpText(
      "after",
      `
A record that fails is kept with its bytes, its place and a reason; docs/dead-letters.md says what each reason means
and how to mend it. After the mapping was mended, send the records through again: those that pass become resolved.

They are asked of the pipeline that answers at --url, or of the one in --data-dir; with --file of the resource's own
ClickHouse and Kafka, whose secrets are read from --secrets.

Examples:
  $ productmatcher dead-letters list
  $ productmatcher dead-letters list -f storefront.yaml --secrets ./secrets
  $ productmatcher dead-letters show clicks/0/17
  $ productmatcher dead-letters replay --reason time_unparsable`,
    );
}

function listCommand(): Command {
  return new Command("list")
    .description("The newest first, and how many there are of each topic and reason")
    .option("--topic <name>", "of this topic alone")
    .option("--reason <code>", "of this reason alone")
    .option("--resolved", "also those that passed since")
    .addOption(new Option("--limit <number>", "at most so many").argParser(wholeNumber(1, 1_000)).default(20))
    .addOption(urlOption())
    .addOption(dataDirOption())
    .addOption(fileOption())
    .addOption(secretsOption())
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  $ productmatcher dead-letters list --topic clicks --limit 5")
    .action(async (options: ListOptions) => {
      const { topic, reason, limit } = options;
      const filter = { ...given({ topic, reason }), includeResolved: options.resolved ?? false };
      const listing = await accessDeadLetters(options, ({ list }) => list(filter, limit));
      console.log(options.json ? JSON.stringify(listing, null, 2) : listingText(listing));
    });
}

function listingText({ counts, deadLetters }: Listing): string {
  if (counts.length === 0) return "There are no dead letters.";
  const totals = table(
    ["TOPIC", "REASON", "OPEN", "RESOLVED"],
    counts.map((row) => [row.topic, row.reason, row.open, row.resolved]),
  );
  if (deadLetters.length === 0) return `${totals}\n\nNone is open.`;
  const letters = table(
    ["ID", "REASON", "FAILED AT", "MESSAGE"],
    deadLetters.map((letter) => [letter.id, letter.reason, letter.failedAt, letter.message]),
  );
  return `${totals}\n\n${letters}`;
}

function showCommand(): Command {
  return new Command("show")
    .description("One record: what is wrong, where it came from, and its bytes")
    .argument("<id>", "as the list shows it")
    .addOption(urlOption())
    .addOption(dataDirOption())
    .addOption(fileOption())
    .addOption(secretsOption())
    .option("--json", "print as JSON, the bytes as base64")
    .addHelpText("after", "\nExample:\n  $ productmatcher dead-letters show clicks/0/17")
    .action(async (id: string, options: AccessOptions & { readonly json?: true }) => {
      const letter = await accessDeadLetters(options, ({ show }) => show(id));
      console.log(options.json ? JSON.stringify(letter, null, 2) : letterText(letter));
    });
}

const SHOWN_BYTES = 4_000;

function letterText(letter: DeadLetterWithValue): string {
  const value = Buffer.from(letter.valueBase64, "base64");
  const shown = value.subarray(0, SHOWN_BYTES).toString("utf8");
  const rest =
    value.length > SHOWN_BYTES ? `\n... ${count(value.length - SHOWN_BYTES)} bytes more (--json has all)` : "";
  return [
    `id        ${letter.id}`,
    `reason    ${letter.reason}${letter.path === "" ? "" : ` at ${letter.path}`}`,
    `message   ${letter.message}`,
    `place     topic ${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`,
    `key       ${letter.key === "" ? "none" : letter.key}`,
    `recorded  ${letter.recordedAt}`,
    `failed    ${letter.failedAt}`,
    `state     ${letter.resolved ? "resolved" : "open"}`,
    `value     ${count(value.length)} bytes:`,
    `${shown}${rest}`,
  ].join("\n");
}

function replayCommand(): Command {
  return new Command("replay")
    .description("Send open records through again, by the mapping of today")
    .argument("[ids...]", "these alone")
    .option("--topic <name>", "of this topic")
    .option("--reason <code>", "of this reason")
    .option("--all", "every open one")
    .addOption(
      new Option("--from <place>", "where they are read; the topic does not know which have passed since")
        .choices(["clickhouse", "topic"])
        .default("clickhouse"),
    )
    .addOption(urlOption())
    .addOption(dataDirOption())
    .addOption(fileOption())
    .addOption(secretsOption())
    .option("--json", "print as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ productmatcher dead-letters replay --topic clicks
  $ productmatcher dead-letters replay --all
  $ productmatcher dead-letters replay --all --from topic`,
    )
    .action(async (ids: string[], options: ReplayOptions) => {
      const { topic, reason, from, all } = options;
      if (ids.length === 0 && topic === undefined && reason === undefined && all === undefined) {
        throw new CommandError("say which: ids, --topic, --reason, or --all", 2);
      }
      const filter = { ...given({ topic, reason }), ...(ids.length > 0 ? { ids } : {}) };
      const answer = await accessDeadLetters(options, ({ replay }) => replay(filter, from));
      console.log(options.json ? JSON.stringify(answer) : sentText(answer));
    });
}

function sentText({ sent, withoutValue }: ReplayedFromTopic): string {
  const left =
    withoutValue === 0
      ? ""
      : `\n${count(withoutValue)} too large for the topic are in ClickHouse alone: --from clickhouse`;
  if (sent === 0) return `There was nothing open to send.${left}`;
  const records = sent === 1 ? "1 record was" : `${count(sent)} records were`;
  return `${records} sent through again; "dead-letters list" shows what is still open.${left}`;
}

function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
