/** Where activity, models and their judgements are kept. */
import type { z } from "zod";
import { flag, integer, object, rule, text } from "./fields.ts";
import { credentials, secretKeyRef } from "./references.ts";

const clickhouse = object(
  "The ClickHouse server or cluster.",
  {
    url: text(
      "HTTP address: https://clickhouse:8443. For ClickHouse Cloud this alone, without cluster.",
      512,
      /^https?:\/\//,
    ),
    database: text(
      'Database of the pipeline. Absent: <namespace>_<name>, with "-" as "_". Cannot change.',
      63,
      /^[a-zA-Z_][a-zA-Z0-9_]*$/,
    ).optional(),
    cluster: text(
      "Name of the cluster in ClickHouse's own configuration. Set: tables are made ON CLUSTER, Replicated and " +
        "Distributed. Absent: one server. Cannot change.",
      63,
    ).optional(),
    credentials: credentials(
      "User and password with which the roles read and write. A changed Secret acts without a restart.",
    ),
    admin: credentials(
      "User and password that may create database, user, grants and quota for this pipeline. Absent: they exist.",
    ).optional(),
    caSecretKeyRef: secretKeyRef("Certificate authority of the server, PEM.", "ca.crt").optional(),
    adopt: flag("Take over a database that another pipeline, deleted or not, made.").default(false),
    retentionDays: integer(
      "How long activity is kept, counted from when it occurred. Absent: for ever. A limit empties an import of older " +
        "data at once.",
      { min: 1, max: 36_500, unit: "days" },
    ).optional(),
  },
  [
    rule(
      "V1",
      "has(self.database) == has(oldSelf.database) && (!has(self.database) || self.database == oldSelf.database)",
      "sink.clickhouse.database cannot change; make a new pipeline and move the data",
    ),
    rule(
      "V2",
      "has(self.cluster) == has(oldSelf.cluster) && (!has(self.cluster) || self.cluster == oldSelf.cluster)",
      "sink.clickhouse.cluster decides the table engines and cannot change; make a new pipeline",
    ),
  ],
);

export const sink = object("Where activity and models are kept.", { clickhouse });

export type Sink = z.output<typeof sink>;
