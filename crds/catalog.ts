/** The shop's own attributes of items, and where what topics do not carry is looked up. */
import type { z } from "zod";
import { choice, integer, listMap, mapOf, object, rule, text } from "./fields.ts";
import { secretKeyRef } from "./references.ts";

const attribute = object("An attribute of items.", {
  name: text("Name of the attribute, as in rules: item.<name>.", 63, /^[a-z][a-zA-Z0-9_]*$/),
  type: choice("Type of the attribute. Rules are checked against it.", [
    "String",
    "StringList",
    "Number",
    "Boolean",
    "Time",
  ]),
});

export const catalog = object("What is known of items.", {
  attributes: listMap(
    "Attributes of items beyond name, description, categories, tags, price, currency, stock, hidden, createdAt and " +
      "embedding, which every item may have.",
    { max: 64 },
    attribute,
  ).optional(),
});

function table(description: string, columns: string) {
  return object(description, {
    table: text("Table or view, with its schema where needed: public.users."),
    key: text("Column that holds the id that events carry."),
    columns: mapOf(columns, 32, text("A column.")),
    refreshSeconds: integer("How long a row that was read is held as current.", {
      min: 1,
      max: 86_400,
      unit: "seconds",
    }).default(60),
  });
}

const postgres = object(
  "A Postgres database that is read, never written.",
  {
    uriSecretKeyRef: secretKeyRef(
      "Address and sign-in: postgresql://user:password@host:port/database?sslmode=verify-full.",
      "uri",
    ),
    caSecretKeyRef: secretKeyRef("Certificate authority of the database, PEM.", "ca.crt").optional(),
    users: table("The table of users.", "Column by user attribute: username: login.").optional(),
    items: table(
      "The table of items, when no topic carries the catalogue.",
      "Column by item field or attribute: name: title.",
    ).optional(),
  },
  [rule("V10", "has(self.users) || has(self.items)", "name users, items or both")],
);

export const enrichment = object("Adds to activity what the topics do not carry. Absent: nothing is added.", {
  onFailure: choice(
    "When the database does not answer: Complete stores the activity now and fills in later; Wait holds the partition.",
    ["Complete", "Wait"],
  ).default("Complete"),
  postgres,
});

export type Catalog = z.output<typeof catalog>;
export type Enrichment = z.output<typeof enrichment>;
