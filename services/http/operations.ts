import { Router } from "express";
import type { Registry } from "prom-client";
import { methodNotAllowed } from "./middleware.ts";
import { problem } from "./problem.ts";

/** Whether a role can do its work; `waitingFor` says, for a person, what it waits for. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly waitingFor: readonly string[] };

export interface Operations {
  readonly registry: Registry;
  /** `false`: stuck for good, so that only ending the process helps. Alive when absent. */
  readonly isAlive?: () => boolean;
  readonly readiness: () => Readiness;
  /** The body of `/status`. */
  readonly status: () => object | Promise<object>;
}

/** What every role answers for those who run it: `/healthz`, `/readyz`, `/status`, `/metrics`. */
export function operations({ registry, isAlive = () => true, readiness, status }: Operations): Router {
  const router = Router();
  const readOnly = methodNotAllowed(["GET", "HEAD"]);
  router
    .route("/healthz")
    .get((_request, response) => {
      if (isAlive()) response.json({ status: "alive" });
      else
        problem(response, { type: "unavailable", detail: "The role's loop does not run any more: end the process." });
    })
    .all(readOnly);
  router
    .route("/readyz")
    .get((_request, response) => {
      const state = readiness();
      if (state.ready) response.json({ status: "ready" });
      else problem(response, { type: "unavailable", detail: `Waiting for ${state.waitingFor.join(", ")}.` });
    })
    .all(readOnly);
  router
    .route("/status")
    .get(async (_request, response) => void response.json(await status()))
    .all(readOnly);
  router
    .route("/metrics")
    .get(async (_request, response) => {
      response.type(registry.contentType).send(await registry.metrics());
    })
    .all(readOnly);
  return router;
}
