/**
 * Faults of kafkajs 2.2.4 (the last release) that cannot be dealt with from outside, put right once, in one place.
 */
import { createRequire } from "node:module";

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

interface Runner {
  readonly running: boolean;
  readonly consumerGroup: { commitOffsets(offsets: unknown): Promise<void> };
  commitOffsets(offsets: unknown): Promise<void>;
}

interface Connection {
  /** As of `process.hrtime`; `null` before the first sign-in. */
  readonly authenticatedAt: [number, number] | null;
  /** In milliseconds; 0: for ever. A Long. */
  readonly sessionLifetime: { toString(): string };
  isAuthenticated(): boolean;
}

interface Class<Instance> {
  readonly prototype: Instance;
}

const CHECK_MILLISECONDS = 10;
/** How long before a session's end it is renewed. */
const RENEWAL_MILLISECONDS = 10_000;
/** Brokers refuse a renewal that follows a sign-in sooner. */
const SOONEST_RENEWAL_MILLISECONDS = 1_100;
const load = createRequire(import.meta.url);
let corrected = false;

export function correctKafkajs(): void {
  if (corrected) return;
  corrected = true;
  const requestQueue: Class<RequestQueue> = load("kafkajs/src/network/requestQueue/index.js");
  const runner: Class<Runner> = load("kafkajs/src/consumer/runner.js");

  // As published, every connection sets a timer in the past, for ever: a warning on Node 24, and a busy processor.
  requestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    const throttled = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttled > 0 ? throttled : CHECK_MILLISECONDS,
    );
  };

  const connection: Class<Connection> = load("kafkajs/src/network/connection.js");
  // As published, a session of less than ten seconds is renewed before each request, which brokers refuse.
  connection.prototype.isAuthenticated = function (this: Connection): boolean {
    if (this.authenticatedAt === null) return false;
    const lifetime = Number(this.sessionLifetime.toString());
    if (lifetime === 0) return true;
    const [seconds, nanoseconds] = process.hrtime(this.authenticatedAt);
    const renewal = lifetime - Math.min(RENEWAL_MILLISECONDS, lifetime / 2);
    return seconds * 1_000 + nanoseconds / 1_000_000 < Math.max(renewal, SOONEST_RENEWAL_MILLISECONDS);
  };

  // As published, a commit is tried again under the next generation, also for partitions that were given away by then,
  // and a commit of a consumer that has stopped resolves although nothing was sent.
  runner.prototype.commitOffsets = async function (this: Runner, offsets: unknown): Promise<void> {
    if (!this.running) throw new Error("the consumer is not running");
    await this.consumerGroup.commitOffsets(offsets);
  };
}
