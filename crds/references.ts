/** References to Secrets. They are of the pipeline's own namespace, and mounted as files: nobody reads them by API. */
import type { z } from "zod";
import { object, text } from "./fields.ts";

export const secretRef = object("A Secret in the pipeline's namespace.", { name: text("Name of the Secret.") });

/** One key of a Secret; without `defaultKey` the key must be named. */
export function secretKeyRef(description: string, defaultKey: string) {
  const key = text("Key within the Secret.").default(defaultKey);
  return object(description, { name: text("Name of the Secret."), key }).meta(atomic(description));
}

export function namedSecretKeyRef(description: string) {
  return object(description, { name: text("Name of the Secret."), key: text("Key within the Secret.") }).meta(
    atomic(description),
  );
}

/** A user name and a password; both are read again when the Secret changes. */
export function credentials(description: string) {
  return object(description, {
    secretRef,
    username: text(
      "The user name itself, in place of usernameKey: for Secrets that hold a password alone, as those of Strimzi do.",
    ).optional(),
    usernameKey: text("Key of the user name within the Secret. Not read when username is set.").default("username"),
    passwordKey: text("Key of the password within the Secret.").default("password"),
  });
}

export type Credentials = z.output<ReturnType<typeof credentials>>;

function atomic(description: string) {
  return { description, "x-kubernetes-map-type": "atomic" };
}
