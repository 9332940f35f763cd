/**
 * Who may look and who may act. A person gives an admin key once and gets a session: a cookie that any replica can check, since it
 * is signed with the key itself, and that ends when the key is changed.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AdminKey, ConsoleAccess } from "./ports.ts";

export const SESSION_MILLISECONDS = 12 * 3_600_000;

/** What the one who asks may do. */
export interface Rights {
  readonly maySee: boolean;
  readonly mayAct: boolean;
  /** The name of the key that was given; `null`: none. */
  readonly signedInAs: string | null;
  /** Whether there is a key that could be given. */
  readonly hasKeys: boolean;
}

/** @param now milliseconds since 1970 */
export function rightsOf(access: ConsoleAccess, session: string | undefined, now: number): Rights {
  const keys = usableKeys(access);
  const key = session === undefined ? null : sessionKey(keys, session, now);
  const isIn = key !== null;
  return {
    maySee: isIn || access.isOpen(),
    mayAct: isIn,
    signedInAs: key?.name ?? null,
    hasKeys: keys.length > 0,
  };
}

/** An empty key would be known to everybody. */
export function usableKeys({ keys }: Pick<ConsoleAccess, "keys">): readonly AdminKey[] {
  return keys().filter(({ key }) => key !== "");
}

/** A session of the key: when it ends, and that end signed. */
export function newSession({ key }: AdminKey, now: number): string {
  const ends = now + SESSION_MILLISECONDS;
  return `${ends}.${signature(key, ends)}`;
}

function sessionKey(keys: readonly AdminKey[], session: string, now: number): AdminKey | null {
  const [end = "", given = ""] = session.split(".");
  const ends = Number(end);
  // Another replica's clock may be ahead of this one's; the end is signed.
  if (!Number.isSafeInteger(ends) || ends <= now) return null;
  let found: AdminKey | null = null;
  for (const key of keys) {
    const [expected, sent] = [Buffer.from(signature(key.key, ends)), Buffer.from(given)];
    if (expected.byteLength === sent.byteLength && timingSafeEqual(expected, sent)) found = key;
  }
  return found;
}

function signature(key: string, ends: number): string {
  return createHmac("sha256", key).update(`productmatcher console session until ${ends}`).digest("base64url");
}

/** The name of a cookie of the console at this address: browsers do not tell ports of a host apart. */
export function cookieName(what: "session" | "notice", { headers }: Pick<IncomingMessage, "headers">): string {
  const port = /:(\d+)$/.exec(headers.host ?? "")?.[1];
  return `productmatcher_${what}${port === undefined ? "" : `_${port}`}`;
}

/** The value of one cookie; `undefined`: it was not sent. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const [found = "", ...value] = part.trim().split("=");
    if (found === name) return value.join("=");
  }
  return undefined;
}

/**
 * Whether a request that changes something was sent by a page of this very origin: browsers say so, and no page of another
 * origin can make them say otherwise. What no browser sent has no session either.
 */
export function isFromOwnPage({ headers }: Pick<IncomingMessage, "headers">): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host } = headers;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** Where a sign-in leads to: never to another origin. */
export function localPath(to: unknown): string {
  return typeof to === "string" && /^\/console(?:[/?]|$)/.test(to) && !to.includes("\\") ? to : "/console";
}
