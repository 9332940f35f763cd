import type { Activity } from "../event.ts";
import { compileItemReader, compileUserReader, ITEM_FIELDS } from "./read-entity.ts";
import type { LineReader } from "./read-event.ts";
import { shown } from "./reading.ts";
import { ownSource, ownSources, type Sources } from "./sources.ts";
import type { AttributeSpec, TopicSpec } from "./topic-spec.ts";
import { readBoolean } from "./values.ts";

/**
 * Compiles the reader of changes to items and users, as `<prefix>.entities` holds them. The topic is compacted: each
 * record is the whole state of what it is about.
 *
 *     {"kind":"item","itemId":"7","name":"Teapot","price":12.5,"attributes":{"brand":"Elm"},"updatedAt":1767225600000}
 *     {"kind":"item","itemId":"7","deleted":true,"updatedAt":1767225600000}
 *     {"kind":"user","userId":"ann","attributes":{"plan":"gold"},"updatedAt":1767225600000}
 *     {"kind":"user","userId":"ann","attributes":{"plan":"gold"},"partial":true,"updatedAt":1767225600000}
 *
 * Attributes stand apart, so that the catalogue may have one named `kind`. A partial record leaves the others as they are.
 */
export function compileChangeReader(
  topic: TopicSpec,
  attributes: readonly AttributeSpec[],
): { sources: Sources; readLine: LineReader } {
  const ownItem = ownSources("Item", ITEM_FIELDS);
  const attributeSources = attributes.map(({ name }) => [name, ownSource(name, attributePath(name))] as const);
  const itemSources = { ...ownItem, byField: new Map([...ownItem.byField, ...attributeSources]) };
  const readItem = compileItemReader(topic, itemSources, attributes);
  const readUser = compileUserReader(topic, ownSources("User", ["userId"]), "attributes");
  const [deleted, partial] = [ownSource("deleted"), ownSource("partial")];
  return {
    sources: itemSources,
    readLine(reading) {
      const kind = kindOf(reading.root);
      if (kind !== "item" && kind !== "user") {
        reading.reject("field_type", "kind", `kind is ${shown(kind)}, expected item or user`);
        return null;
      }
      const isDeleted = readBoolean(reading, deleted) === true;
      const isWhole = readBoolean(reading, partial) !== true;
      const activity = kind === "item" ? readItem(reading) : readUser(reading);
      return activity === null ? null : marked(activity, isDeleted, isWhole);
    },
  };
}

function marked(activity: Activity, isDeleted: boolean, isWhole: boolean): Activity {
  if (activity.kind === "item" && isDeleted) return { kind: "item", item: { ...activity.item, deleted: true } };
  if (activity.kind === "item" && isWhole) return { kind: "item", item: { ...activity.item, whole: true } };
  if (activity.kind === "user" && isWhole) return { kind: "user", user: { ...activity.user, whole: true } };
  return activity;
}

function attributePath(name: string): string {
  return `/attributes/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function kindOf(root: unknown): unknown {
  return typeof root === "object" && root !== null && "kind" in root ? root.kind : undefined;
}
