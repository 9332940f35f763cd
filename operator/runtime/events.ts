/** Kubernetes events: what happened to an object, for who reads `kubectl describe`. */
import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { isNotFound } from "./api-error.ts";
import type { ApiServer } from "./api-server.ts";
import { apiVersionOf, type KubeObject, pathOf, type ResourceKind } from "./kinds.ts";
import { microTime } from "./leader-election.ts";

const EVENT: ResourceKind = { group: "events.k8s.io", version: "v1", kind: "Event", plural: "events" };

export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** In one word. */
  readonly reason: string;
  /** What the operator did or found out by, in one word. */
  readonly action: string;
  /** For a person. */
  readonly note: string;
}

export interface EventRecorder {
  /** Never rejects: an event that cannot be written is told to `onTrouble`. */
  record(object: KubeObject, event: EventNote): Promise<void>;
}

export interface EventRecorderOptions {
  readonly api: ApiServer;
  /** `productmatcher.dev/operator` */
  readonly controller: string;
  /** Of this process. */
  readonly instance: string;
  readonly onTrouble: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The same again within this time is counted in the event that there is. */
const SERIES_MILLISECONDS = 30 * 60_000;
const MAX_SERIES = 5_000;
/** What the API server takes. */
const MAX_NOTE = 1_024;

interface Series {
  readonly name: string;
  readonly count: number;
}

export function eventRecorder({ api, controller, instance, onTrouble, now }: EventRecorderOptions): EventRecorder {
  const series = new LRUCache<string, Series>({ max: MAX_SERIES, ttl: SERIES_MILLISECONDS, perf: { now } });

  const create = async (object: KubeObject, event: EventNote): Promise<string> => {
    const { namespace = "default", name, uid } = object.metadata;
    const eventName = `${name}.${randomBytes(8).toString("hex")}`;
    await api.request({
      method: "POST",
      path: pathOf(EVENT, namespace),
      body: {
        apiVersion: apiVersionOf(EVENT),
        kind: EVENT.kind,
        metadata: { name: eventName, namespace },
        regarding: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid },
        reportingController: controller,
        reportingInstance: instance,
        eventTime: microTime(now()),
        type: event.type,
        reason: event.reason,
        action: event.action,
        note: event.note.length > MAX_NOTE ? `${event.note.slice(0, MAX_NOTE - 3)}...` : event.note,
      },
    });
    return eventName;
  };

  const repeat = (namespace: string, { name, count }: Series) =>
    api.request({
      method: "PATCH",
      path: pathOf(EVENT, namespace, name),
      contentType: "application/merge-patch+json",
      body: { series: { count, lastObservedTime: microTime(now()) } },
    });

  return {
    async record(object, event) {
      const key = JSON.stringify([object.metadata.uid, event.reason, event.note]);
      const known = series.get(key);
      try {
        if (known !== undefined) {
          const next = { name: known.name, count: known.count + 1 };
          series.set(key, next);
          try {
            await repeat(object.metadata.namespace ?? "default", next);
            return;
          } catch (error) {
            // The API server keeps events for an hour or less.
            if (!isNotFound(error)) throw error;
          }
        }
        series.set(key, { name: await create(object, event), count: 1 });
      } catch (error) {
        onTrouble(error);
      }
    },
  };
}
