import type { Registry } from "prom-client";
import type { PipelineSpec } from "../../crds/index.ts";
import { type AttributeSpec, compileTopic, type RecordMapper } from "../activity/index.ts";
import type { ActivityLog } from "../activity-log/index.ts";
import type { PipelineNames } from "../config/index.ts";

export interface CollectorOptions {
  readonly log: ActivityLog;
  /** `<prefix>.events` */
  readonly topic: string;
  /** Of a topic without mapping: ProductMatcher's own JSON. */
  readonly mapper: RecordMapper;
  /** `<prefix>.entities`, compacted by key. */
  readonly entitiesTopic: string;
  /** Of a topic with `record: Entity`. */
  readonly entitiesMapper: RecordMapper;
  /** `spec.catalog.attributes`. */
  readonly attributes: readonly Pick<AttributeSpec, "name">[];
  /**
   * Asked at every request, so that a changed key acts at once. `null`: whoever reaches the address may write. The same
   * entries as long as they have not changed.
   */
  readonly writeKeys: () => readonly WriteKey[] | null;
  /** Origins of pages that may send, `*` for any; asked at every request. A page of the collector's own origin may. */
  readonly allowedOrigins: () => readonly string[];
  readonly limits?: Partial<CollectorLimits>;
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newEventId: () => string;
}

export interface WriteKey {
  /** In metrics. */
  readonly name: string;
  readonly key: string;
  /** `Activity`: send events; `Catalogue`: change items and users. Absent: DEFAULT_SCOPES. */
  readonly scopes?: readonly WriteScope[] | undefined;
}

export type WriteScope = "Activity" | "Catalogue";

/** A key that pages send is public: it must not change the catalogue. */
export const DEFAULT_SCOPES: readonly WriteScope[] = ["Activity"];

export interface CollectorLimits {
  /** Of one body, after decompression; one record has no more either. */
  readonly bodyBytes: number;
  /** Of one request: events, messages or items. */
  readonly batchEntries: number;
  /** That one request may become in the log: an order of many lines repeats what its lines share. */
  readonly requestBytes: number;
  /** Of all requests together, from the moment they are read until the log has them or has refused them. */
  readonly bufferedBytes: number;
  /** How long a client waits for the log; then it is told to come again. */
  readonly appendMilliseconds: number;
}

export const COLLECTOR_LIMITS: CollectorLimits = {
  bodyBytes: 1_048_576,
  batchEntries: 1_000,
  requestBytes: 8 * 1_048_576,
  bufferedBytes: 64 * 1_048_576,
  // Segment's libraries give up on an answer after ten seconds.
  appendMilliseconds: 5_000,
};

/** @throws RangeError for limits under which no request could pass */
export function limitsOf({ limits }: Pick<CollectorOptions, "limits">): CollectorLimits {
  const all = { ...COLLECTOR_LIMITS, ...limits };
  const [name, value] = Object.entries(all).find(([, limit]) => !Number.isInteger(limit) || limit < 1) ?? [];
  if (name !== undefined) throw new RangeError(`limits.${name} is ${value}: give a whole number of at least 1`);
  const room = all.bufferedBytes - all.bodyBytes;
  if (room < 1) {
    throw new RangeError(
      `limits.bufferedBytes (${all.bufferedBytes}) is not above bodyBytes (${all.bodyBytes}): no request would ever fit`,
    );
  }
  // What could never fit is too large, and not to be sent again later.
  return { ...all, requestBytes: Math.min(all.requestBytes, room) };
}

/** What a collector needs out of the resource: the same in one process on a laptop and in pods on a cluster. */
export function collectorSettings(
  { privacy, catalog, collector }: Pick<PipelineSpec, "privacy" | "catalog" | "collector">,
  { eventsTopic, entitiesTopic }: Pick<PipelineNames, "eventsTopic" | "entitiesTopic">,
): Pick<CollectorOptions, "topic" | "mapper" | "entitiesTopic" | "entitiesMapper" | "attributes" | "allowedOrigins"> {
  const attributes = catalog?.attributes ?? [];
  const compile = (name: string, record: "Event" | "Entity") => compileTopic({ name, record }, { privacy, attributes });
  return {
    topic: eventsTopic,
    mapper: compile(eventsTopic, "Event"),
    entitiesTopic,
    entitiesMapper: compile(entitiesTopic, "Entity"),
    attributes,
    allowedOrigins: () => collector?.allowedOrigins ?? [],
  };
}
