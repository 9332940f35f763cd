/** The role that shop pages post activity to. */
import type { z } from "zod";
import { exposure } from "./exposure.ts";
import { choice, entryName, listMap, object, rule, setOf, text } from "./fields.ts";
import { resources, rolePods } from "./pods.ts";
import { namedSecretKeyRef } from "./references.ts";
import { autoscaling, maxReplicasAboveReplicas, replicas } from "./scaling.ts";

const writeKey = object("A key that a page or app sends with its activity.", {
  name: entryName("Name of the key in logs and metrics."),
  secretKeyRef: namedSecretKeyRef("Where the key itself is."),
  scopes: setOf(
    "What the key may do: Activity sends events, Catalogue changes items and users. Absent: Activity, since everyone can read a page's key.",
    { min: 1, max: 2 },
    choice("A scope.", ["Activity", "Catalogue"]),
  ).optional(),
});

export const collector = object(
  "Takes activity over HTTP in the Segment wire format. Absent: none; {}: with defaults.",
  {
    replicas,
    autoscaling: autoscaling.optional(),
    writeKeys: listMap(
      "Keys that may write. Several at once allow a change of keys.",
      { max: 32 },
      writeKey,
    ).optional(),
    allowedOrigins: setOf(
      "Origins of pages that may post: https://shop.example; * for any. Absent: no page of another origin.",
      { max: 32 },
      text("An origin."),
    ).optional(),
    exposure: exposure.optional(),
    resources: resources.optional(),
    pods: rolePods.optional(),
  },
  [
    maxReplicasAboveReplicas,
    rule("V13", "!has(self.exposure) || has(self.writeKeys)", "collector.exposure needs collector.writeKeys"),
  ],
);

export type Collector = z.output<typeof collector>;
