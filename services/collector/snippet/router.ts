import { Router } from "express";
import { methodNotAllowed } from "../../http/index.ts";
import { SNIPPET } from "./generated.ts";

/** A page takes a new release within the hour. */
const CACHE_SECONDS = 3_600;

/** `GET /v1/snippet.js`: what a shop's pages load, wherever they come from. */
export function snippetRouter(): Router {
  const router = Router();
  router
    .route("/v1/snippet.js")
    .get((_request, response) => {
      response.set({
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": `public, max-age=${CACHE_SECONDS}`,
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
      });
      // With an ETag, and 304 for a browser that has it.
      response.send(SNIPPET);
    })
    .all(methodNotAllowed(["GET", "HEAD"]));
  return router;
}
