import { Router } from "express";
import { activityRouter } from "./activity.ts";
import { catalogueRouter } from "./catalogue.ts";
import { openIntake } from "./intake.ts";
import type { CollectorOptions } from "./options.ts";
import { snippetRouter } from "./snippet/router.ts";

/**
 * Takes in over HTTP what a shop knows: activity (`POST /v1/track`, `/v1/batch`, and Segment's addresses), items and users
 * (`/v1/items`, `/v1/users`), and gives pages the snippet that sends it. What is answered 200 is durable in the log. What
 * would be a dead letter is refused here, where its sender can still mend it.
 *
 * @throws RangeError for limits under which no request could pass
 */
export function collectorRouter(options: CollectorOptions): Router {
  const intake = openIntake(options);
  const router = Router();
  router.use(activityRouter(options, intake), catalogueRouter(options, intake), snippetRouter());
  return router;
}
