/** What is kept of an address and a user agent, as `spec.privacy` says. */

import { isIPv4 } from "node:net";
import Bowser from "bowser";
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import type { PrivacySpec } from "./mapping/topic-spec.ts";

const IPV6_KEPT_GROUPS = 3;
const CACHED_USER_AGENTS = 5_000;
/** The families are named early; what is longer is not remembered. */
const MAX_USER_AGENT_READ = 512;

export interface Privacy {
  /** `false`: need not be read at all. */
  readonly keepsUserAgent: boolean;
  /** `false`: need not be read at all. */
  readonly keepsIpAddress: boolean;
  readonly userAgent: (text: string) => string;
  readonly ipAddress: (text: string) => string;
}

/** Compiles the rules; the user agents seen last are remembered, since parsing one costs far more than the rest of an event. */
export function compilePrivacy(spec: PrivacySpec): Privacy {
  const keepsUserAgent = spec.userAgent !== "Drop";
  const keepsIpAddress = spec.ipAddress !== "Drop";
  const asItIs = (text: string) => text;
  return {
    keepsUserAgent,
    keepsIpAddress,
    userAgent: spec.userAgent === "Family" ? compileUserAgentFamily() : keepsUserAgent ? asItIs : () => "",
    ipAddress: spec.ipAddress === "Truncate" ? truncateIpAddress : keepsIpAddress ? asItIs : () => "",
  };
}

/**
 * The network of an address: IPv4 to 24 bits (an IPv4 address in IPv6 form too), IPv6 to 48. `""` for a text that is no
 * address, because it cannot be known what it gives away.
 */
export function truncateIpAddress(text: string): string {
  if (text === "") return "";
  if (isIPv4(text)) return truncateIpv4(text);
  if (!ipaddr.IPv6.isValid(text)) return "";
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return truncateIpv4(address.toIPv4Address().toString());
  const network = address.parts.map((group, index) => (index < IPV6_KEPT_GROUPS ? group : 0));
  return new ipaddr.IPv6(network).toString();
}

function truncateIpv4(address: string): string {
  return `${address.slice(0, address.lastIndexOf("."))}.0`;
}

/** `Chrome/Windows`: browser and operating system without versions, `Other` for an unknown one. */
function compileUserAgentFamily(): (text: string) => string {
  const families = new LRUCache<string, string>({ max: CACHED_USER_AGENTS });
  return (text) => {
    if (text === "") return "";
    if (text.length > MAX_USER_AGENT_READ) return userAgentFamily(text.slice(0, MAX_USER_AGENT_READ));
    const known = families.get(text);
    if (known !== undefined) return known;
    const family = userAgentFamily(text);
    families.set(text, family);
    return family;
  };
}

function userAgentFamily(text: string): string {
  const { browser, os } = Bowser.parse(text);
  return `${browser.name || "Other"}/${os.name || "Other"}`;
}
