/** What keeps a part of the pipeline from doing what the shop asks, told to the log as it changes: open pages ask every two seconds. */
import type { Logger } from "pino";

/** `refused`: it wants an API key, and the shop has none. */
export type Fault = "away" | "refused";

export interface Faults {
  /** @param reason without ids of visitors: it is for the log */
  failed(place: string, fault: Fault, reason: string): void;
  answered(place: string): void;
  /** `null`: it has answered, or was not asked yet. */
  at(place: string): Fault | null;
}

/** @param told by fault: what it means for the shop, for the log */
export function faultsOf(logger: Logger, told: Readonly<Record<Fault, string>>): Faults {
  const known = new Map<string, Fault>();
  return {
    failed(place, fault, reason) {
      if (known.get(place) === fault) return;
      known.set(place, fault);
      logger.warn({ place, reason }, told[fault]);
    },
    answered(place) {
      if (known.delete(place)) logger.info({ place }, "the pipeline answers the shop again");
    },
    at: (place) => known.get(place) ?? null,
  };
}

export function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** Of a request without an answer: its code where it has one, as in `ECONNREFUSED`; an address may hold the id of a visitor. */
export function faultReason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const { cause } = error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.name;
}
