import { ISO_OR_MILLIS } from "../../activity/index.ts";
import { isPresent } from "../own-record.ts";

/** What a request takes on its way; a clock that is off by less is taken as right. */
const ON_THE_WAY_MILLISECONDS = 10_000;

/**
 * When a message happened, by our clock. A client says when it happened and when it was sent, both by its own clock: what
 * lies between the two is right even when that clock is wrong, and is counted back from the receipt. Below ten seconds
 * nothing is corrected, so that the same message sent again keeps its time.
 *
 * @param sentAt of the request; a message's own holds where the request has none
 * @returns milliseconds since 1970; what cannot be read as it is, and `undefined` where the message has no time
 */
export function happenedAt(message: Readonly<Record<string, unknown>>, sentAt: unknown, receivedAt: number): unknown {
  const { timestamp, originalTimestamp } = message;
  // Passed on by Segment, which has corrected it.
  const isCorrected = isPresent(timestamp) && isPresent(message.receivedAt);
  const theirs = isPresent(originalTimestamp) && !isCorrected ? originalTimestamp : timestamp;
  if (!isPresent(theirs)) return undefined;
  const time = ISO_OR_MILLIS.parse(theirs);
  if (Number.isNaN(time)) return theirs;
  const off = receivedAt - ISO_OR_MILLIS.parse(isPresent(sentAt) ? sentAt : message.sentAt);
  return isCorrected || Number.isNaN(off) || Math.abs(off) <= ON_THE_WAY_MILLISECONDS ? time : time + off;
}
