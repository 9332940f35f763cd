import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import express from "express";
import { startServer } from "../http/index.ts";
import { openPostgres } from "../postgres/index.ts";
import { Startup } from "../processes/startup.ts";
import { filledTables, shopRouter } from "../shop/index.ts";
import { createShop } from "../simulation/index.ts";
import { port } from "./options.ts";
import { CommandError } from "./resource.ts";
import { roleLogger } from "./role-logger.ts";
import { type ShopCommandOptions, withShopOptions } from "./shop-options.ts";
import { onStopSignal } from "./signals.ts";

interface ShopOptions extends ShopCommandOptions {
  readonly postgres: string;
  readonly collector: string;
  readonly recommender: string;
  readonly host: string;
  readonly port: number;
}

const LOOK_EVERY_MILLISECONDS = 10_000;

const HELP = `
The shop makes the tables users and products where they are not there, fills them with the shoppers and items that
\`simulate\` with the same options sends, and answers once that is done; again once a day, for new items, and when they are
gone with their server. Other rows stay. A pipeline reads them by enrichment.postgres. It has no API key to send: collector
and recommender must ask for none. Not for production: who signs in says who they are, and nothing is sold. It passes on
what the collector's snippet sends, so that a browser needs to reach no other address. Ctrl-C stops it.

Example, with the database's address in a file, since other users of the machine see arguments:
  $ productmatcher shop --postgres /run/secrets/shop-uri \\
      --collector http://127.0.0.1:8080 --recommender http://127.0.0.1:8080
`;

export function shopCommand(): Command {
  return withShopOptions(
    new Command("shop")
      .description("Serve a small storefront of the simulated shop, before a running pipeline without API keys")
      .requiredOption(
        "--postgres <uri>",
        "the shop's database: a file that holds its address postgresql://..., or the address",
      )
      .requiredOption("--collector <address>", "where activity goes, http://...", address)
      .requiredOption("--recommender <address>", "who recommends, http://...", address)
      .addOption(new Option("--port <number>", "port of the storefront").argParser(port).default(8081))
      .option("--host <address>", "address to listen on", "127.0.0.1"),
  )
    .addHelpText("after", HELP)
    .action(run);
}

async function run(options: ShopOptions): Promise<void> {
  const { collector, recommender, host, seed, items, shoppers, start } = options;
  const logger = roleLogger();
  const stopping = new AbortController();
  onStopSignal(() => stopping.abort());
  const uri = /^postgres(ql)?:/.test(options.postgres) ? options.postgres : { file: options.postgres };
  const postgres = await openPostgres({ uri }).catch((error: Error) => {
    throw new CommandError(`--postgres: ${error.message}`);
  });
  try {
    const shop = createShop({ seed, items, shoppers, start });
    const tables = filledTables({ postgres, shop, logger, now: Date.now });
    const startup = new Startup(logger, stopping.signal);
    const look = () => startup.step("Role", "filling the shop's tables in Postgres", tables.look);
    await look();
    const application = express().disable("x-powered-by");
    application.use(shopRouter({ postgres: tables, collector, recommender, logger }));
    const server = await startServer(application, { host, port: options.port });
    console.log(`The shop is open at ${server.address}`);
    try {
      // A pipeline reads the tables, too: they do not wait for a visitor to find them missing.
      for (;;) {
        await sleep(LOOK_EVERY_MILLISECONDS, undefined, { signal: stopping.signal });
        await look();
      }
    } finally {
      await server.close();
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    await postgres.close();
  }
}

function address(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new InvalidArgumentError("must be an address such as http://127.0.0.1:8080.");
}
