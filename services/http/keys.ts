import { createHash, timingSafeEqual } from "node:crypto";

const digests = new WeakMap<object, Buffer>();

/**
 * The entry whose key was given, in a time that tells nothing of how much of a key was right.
 *
 * @param candidates entries are told apart by identity and are not changed: their digests are kept
 */
export function findKey<Candidate extends { readonly key: string }>(
  candidates: readonly Candidate[],
  given: string,
): Candidate | null {
  const digest = digestOf(given);
  let found: Candidate | null = null;
  for (const candidate of candidates) {
    let known = digests.get(candidate);
    if (known === undefined) {
      known = digestOf(candidate.key);
      digests.set(candidate, known);
    }
    if (timingSafeEqual(known, digest)) found = candidate;
  }
  return found;
}

/** The user name of HTTP basic authentication (RFC 7617); `null` when the header says none. */
export function basicUser(authorization: string | undefined): string | null {
  const credentials = /^basic +([a-z0-9+/=_-]+) *$/i.exec(authorization ?? "")?.[1];
  if (credentials === undefined) return null;
  const [user = ""] = Buffer.from(credentials, "base64").toString("utf8").split(":", 1);
  return user === "" ? null : user;
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
