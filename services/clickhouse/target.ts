import type { ClickHouseClient } from "@clickhouse/client";
import type { TextOrFile } from "../config/secret-file.ts";

/** Where ClickHouse is: the engine inside this process with its data in a folder, or a server. */
export type ClickHouseTarget = { readonly kind: "embedded"; readonly path: string } | ClickHouseServer;

/** Secrets in files are read again when the server refuses what they said before: they may rotate. */
export interface ClickHouseServer {
  readonly kind: "server";
  readonly url: string;
  readonly username: TextOrFile;
  readonly password: TextOrFile;
  /** PEM of the authority that signed the server's certificate; those of the system when absent. */
  readonly caCertificate?: TextOrFile;
}

/** Run with a client and under a signal that may give it up. */
export type Statement<T> = (client: ClickHouseClient, signal: AbortSignal) => Promise<T>;

/** The way to an engine, whichever it is. */
export interface Access {
  run<T>(statement: Statement<T>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
}
