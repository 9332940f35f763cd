/** From a request to the log: who may send, what is read, and until when it is held in memory. */
import type { Request, Response } from "express";
import { BytesInFlight, basicUser, findKey, full, type Lease, Refusal, readJson } from "../http/index.ts";
import type { Entries, OwnRecords } from "./entries.ts";
import { type CollectorMetrics, collectorMetrics } from "./metrics.ts";
import { type CollectorLimits, type CollectorOptions, DEFAULT_SCOPES, limitsOf, type WriteScope } from "./options.ts";
import { isObject } from "./own-record.ts";

export interface Intake {
  readonly limits: CollectorLimits;
  readonly metrics: CollectorMetrics;
  /**
   * Runs one request: what `read` finds in its body is in the log once this resolves.
   *
   * @param read is given `undefined` for a request without a body
   * @throws Refusal for whatever is not as it must be, and when the log does not confirm in time
   */
  run<Found extends { readonly entries: Entries }>(
    request: Request,
    response: Response,
    rules: IntakeRules,
    read: (body: unknown) => Found,
  ): Promise<Found>;
}

export interface IntakeRules {
  /** Of the address, in metrics. */
  readonly endpoint: string;
  readonly scope: WriteScope;
  /** Media types of the body; `null`: the request has none. */
  readonly types: readonly string[] | null;
}

/** When to come again while the log is away. */
const RETRY_AFTER_SECONDS = 5;

export function openIntake(options: CollectorOptions): Intake {
  const { log, topic, entitiesTopic } = options;
  const limits = limitsOf(options);
  const inFlight = new BytesInFlight(limits.bufferedBytes);
  const metrics = collectorMetrics(options.registry, () => inFlight.bytes);

  const store = async (records: OwnRecords, lease: Lease) => {
    const started = performance.now();
    const appends = [
      records.events.length === 0 ? undefined : log.append(topic, records.events),
      records.entities.length === 0 ? undefined : log.append(entitiesTopic, records.entities),
    ];
    void Promise.allSettled(appends).then(() => {
      // Not before: what the log is still trying to write stays in memory, answered or not.
      lease.release();
      metrics.appended((performance.now() - started) / 1000);
    });
    try {
      await within(limits.appendMilliseconds, Promise.all(appends));
    } catch (cause) {
      const detail = "The activity log did not confirm in time: send it again with the same ids.";
      throw new Refusal(
        { type: "unavailable", detail, headers: { "Retry-After": String(RETRY_AFTER_SECONDS) } },
        cause,
      );
    }
  };

  return {
    limits,
    metrics,
    async run(request, response, { endpoint, scope, types }, read) {
      let key = "";
      response.once("finish", () => metrics.answered(endpoint, key, response.statusCode));
      const lease = inFlight.lease();
      const prepare = async () => {
        const given = basicUser(request.headers.authorization);
        // A wrong key in the header spares reading the body.
        if (given !== null || types === null) key = permitted(options, given, scope);
        const body = types === null ? undefined : await readJson(request, { bytes: limits.bodyBytes, types }, lease);
        if (given === null && types !== null) key = permitted(options, keyIn(body), scope);
        const found = read(body);
        if (!lease.take(bytesOf(found.entries.records))) throw full();
        return found;
      };
      const found = await prepare().catch((error: unknown) => {
        lease.release();
        throw error;
      });
      const { records, accepted, rejected, ignored } = found.entries;
      if (accepted.length > 0) await store(records, lease);
      else lease.release();
      metrics.entries("accepted", accepted.length);
      metrics.entries("rejected", rejected.length);
      metrics.entries("ignored", ignored);
      return found;
    },
  };
}

/** @returns the name of the key. @throws Refusal */
function permitted({ writeKeys }: CollectorOptions, given: string | null, scope: WriteScope): string {
  const keys = writeKeys();
  if (keys === null) return "";
  const known = given === null ? null : findKey(keys, given);
  if (known === null) {
    const detail =
      given === null
        ? "Send a write key: as the user name of HTTP basic authentication, or as writeKey in the body."
        : "Nobody knows this write key: is it one of spec.collector.writeKeys?";
    // Not "Basic": a browser would ask the shopper for a password.
    throw new Refusal({ type: "unauthorized", detail, headers: { "WWW-Authenticate": 'WriteKey realm="collector"' } });
  }
  if ((known.scopes ?? DEFAULT_SCOPES).includes(scope)) return known.name;
  const detail = `The write key ${known.name} does not have the scope ${scope} (spec.collector.writeKeys[].scopes).`;
  throw new Refusal({ type: "forbidden", detail });
}

/** For senders that can set no header: beacons. */
function keyIn(body: unknown): string | null {
  return isObject(body) && typeof body.writeKey === "string" ? body.writeKey : null;
}

function bytesOf({ events, entities }: OwnRecords): number {
  let bytes = 0;
  for (const { value } of events) bytes += value.byteLength;
  for (const { value } of entities) bytes += value.byteLength;
  return bytes;
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
