/** The shop's tables, which go with their server where it keeps nothing, and whose items become more. */
import type { Logger } from "pino";
import { type SqlClient, sqlState } from "../postgres/index.ts";
import { createTables, fillTables, type SimulatedShop } from "../simulation/index.ts";
import { TABLES } from "./tables.ts";

export interface FilledTables extends SqlClient {
  /** Fills the tables where that is due or one is missing. @throws the error of Postgres: then it is due still */
  look(): Promise<void>;
}

export interface FillingOptions {
  readonly postgres: SqlClient;
  readonly shop: SimulatedShop;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** New items arrive within the week. */
const FILL_EVERY_MILLISECONDS = 86_400_000;
const ALWAYS = Number.NEGATIVE_INFINITY;
const UNDEFINED_TABLE = "42P01";
const LOOK = `SELECT FROM ${TABLES.users.table}, ${TABLES.items.table} LIMIT 0`;

/** A query that meets a missing table is answered from tables that are made and filled again. */
export function filledTables({ postgres, shop, logger, now }: FillingOptions): FilledTables {
  let dueAt = ALWAYS;
  let underWay: Promise<void> | null = null;
  const fillAll = async () => {
    const at = now();
    dueAt = ALWAYS;
    await createTables(postgres, TABLES);
    await fillTables(postgres, TABLES, shop, at);
    dueAt = at + FILL_EVERY_MILLISECONDS;
    logger.info("the shop's tables are filled");
  };
  /** One at a time: who asks meanwhile waits for the one under way. */
  const fill = () => {
    underWay ??= fillAll().finally(() => {
      underWay = null;
    });
    return underWay;
  };
  const query: SqlClient["query"] = async (sql, parameters) => {
    try {
      return await postgres.query(sql, parameters);
    } catch (error) {
      if (sqlState(error) !== UNDEFINED_TABLE) throw error;
      await fill();
      return postgres.query(sql, parameters);
    }
  };
  return {
    query,
    async look() {
      if (now() >= dueAt) await fill();
      else await query(LOOK, []);
    },
  };
}
