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

interface Class<Instance> {
  readonly prototype: Instance;
}

const CHECK_MILLISECONDS = 10;
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

  // As published, a commit is tried again under the next generation, also for partitions that were given away by then,
  // and a commit of a consumer that has stopped resolves although nothing was sent.
  runner.prototype.commitOffsets = async function (this: Runner, offsets: unknown): Promise<void> {
    if (!this.running) throw new Error("the consumer is not running");
    await this.consumerGroup.commitOffsets(offsets);
  };
}
