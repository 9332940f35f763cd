import { Command, InvalidArgumentError, Option } from "commander";
import express from "express";
import { startServer } from "../http/index.ts";
import { openPostgres } from "../postgres/index.ts";
import { Startup } from "../processes/startup.ts";
import { shopRouter, TABLES } from "../shop/index.ts";
import { createShop, createTables, fillTables } from "../simulation/index.ts";
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

const HELP = `
The shop makes the tables users and products where they are not there, fills them with the shoppers and items that
\`simulate\` with the same options sends, and answers once that is done. A pipeline reads them by enrichment.postgres. Not for
production: who signs in says who they are, and nothing is sold. It passes on what the collector's snippet sends, so that a
browser needs to reach no other address. Ctrl-C stops it.

Example:
  $ productmatcher shop --postgres postgresql://shop:secret@127.0.0.1/shop \\
      --collector http://127.0.0.1:8080 --recommender http://127.0.0.1:8080
`;

export function shopCommand(): Command {
  return withShopOptions(
    new Command("shop")
      .description("Serve a small storefront of the simulated shop, before a running pipeline")
      .requiredOption("--postgres <uri>", "the shop's database, postgresql://...; or a file that holds the address")
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
  const stopped = new Promise<void>((resolve) => {
    onStopSignal(() => {
      stopping.abort();
      resolve();
    });
  });
  const uri = /^postgres(ql)?:/.test(options.postgres) ? options.postgres : { file: options.postgres };
  const postgres = await openPostgres({ uri }).catch((error: Error) => {
    throw new CommandError(`--postgres: ${error.message}`);
  });
  try {
    const shop = createShop({ seed, items, shoppers, start });
    await new Startup(logger, stopping.signal).step("Role", "filling the shop's tables in Postgres", async () => {
      await createTables(postgres, TABLES);
      await fillTables(postgres, TABLES, shop, Date.now());
    });
    const application = express().disable("x-powered-by");
    application.use(shopRouter({ postgres, collector, recommender, logger }));
    const server = await startServer(application, { host, port: options.port });
    console.log(`The shop is open at ${server.address}`);
    await stopped;
    await server.close();
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
