import type { Logger } from "pino";
import type { RecordMapper } from "../activity/index.ts";
import type { ActivityLog } from "../activity-log/index.ts";
import type { ClickHouse } from "../clickhouse/index.ts";
import type { AttributionSpec } from "./attribution.ts";
import type { AttributeSource } from "./enrichment/index.ts";
import type { ConsumerMetrics } from "./metrics.ts";

export interface ConsumerOptions {
  readonly log: ActivityLog;
  /** A connection of the consumer's own: it runs one statement at a time. */
  readonly clickhouse: ClickHouse;
  readonly group: string;
  readonly mappers: ReadonlyMap<string, RecordMapper>;
  readonly startFrom: "Earliest" | "Latest";
  /** Accepted events go here in compact form, for the recommenders. */
  readonly signalsTopic: string;
  /** Records that are not accepted go here, too. */
  readonly deadLettersTopic: string;
  readonly attribution: AttributionSpec;
  readonly attributes: AttributeSource;
  /** `Wait` holds the batch while the source of attributes is away; `Complete` stores it and fills in later. */
  readonly onEnrichmentFailure: "Complete" | "Wait";
  /**
   * Of one batch, by its values. Two are held at most: the one that is being stored and the one behind it. With what the
   * log's subscription reads ahead (`maxBufferedBytes` on Kafka) this bounds the bytes in flight, whatever is away.
   */
  readonly batch: { readonly maxRecords: number; readonly maxBytes: number };
  readonly metrics: ConsumerMetrics;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
