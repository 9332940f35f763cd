import { resolve } from "node:path";
import { Option } from "commander";
import { readHolder } from "../activity-log/embedded/index.ts";
import { CommandError } from "./resource.ts";

export const DEFAULT_DATA_DIR = ".productmatcher";
const DEFAULT_ADDRESS = "http://127.0.0.1:8080";

export interface AdminOptions {
  readonly url?: string;
  readonly dataDir: string;
}

export const dataDirOption = () =>
  new Option("--data-dir <folder>", "where the pipeline keeps its data").default(DEFAULT_DATA_DIR);

export const urlOption = () =>
  new Option("--url <address>", `address of the running pipeline (default: that of --data-dir, or ${DEFAULT_ADDRESS})`);

/** The admin API of a running pipeline. */
export interface AdminClient {
  readonly address: string;
  get<T>(path: string): Promise<T>;
  /** @throws CommandError with what the pipeline answered, or that none answers */
  post<T>(path: string, body: unknown): Promise<T>;
}

export function adminClient({ url, dataDir }: AdminOptions): AdminClient {
  const address = (url ?? readHolder(resolve(dataDir))?.address ?? DEFAULT_ADDRESS).replace(/\/$/, "");
  return {
    address,
    get: (path) => request(address, path, {}),
    post: (path, body) =>
      request(address, path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
  };
}

async function request<T>(address: string, path: string, init: RequestInit): Promise<T> {
  const response = await fetch(address + path, init).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CommandError(
      `no pipeline answers at ${address} (${cause}): start one with "productmatcher local", or name another with --url`,
    );
  });
  const text = await response.text();
  if (!response.ok) throw new CommandError(`${address}${path} answered ${response.status}: ${detailOf(text)}`);
  return JSON.parse(text) as T;
}

function detailOf(text: string): string {
  try {
    const body = JSON.parse(text) as { detail?: unknown };
    return typeof body.detail === "string" ? body.detail : text;
  } catch {
    return text;
  }
}
