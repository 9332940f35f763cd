/** What pages load beside themselves: files of this folder and of packages, as they are. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Router } from "express";

const CLIENT = fileURLToPath(new URL("./client/", import.meta.url));
const UPLOT = dirname(createRequire(import.meta.url).resolve("uplot"));

/** By the name that pages load it by. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["console.js", join(CLIENT, "console.js")],
  ["charts.js", join(CLIENT, "charts.js")],
  ["console.css", join(CLIENT, "console.css")],
  ["icon.svg", join(CLIENT, "icon.svg")],
  ["uPlot.iife.min.js", join(UPLOT, "uPlot.iife.min.js")],
  ["uPlot.min.css", join(UPLOT, "uPlot.min.css")],
]);

/** `GET /console/assets/{name}`: with an ETag, so that a new release is seen at once. */
export function assetsRouter(): Router {
  const router = Router();
  router.get("/console/assets/:name", (request, response, next) => {
    const file = FILES.get(request.params.name);
    if (file === undefined) return next();
    response.set({ "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff" });
    // The folder of an installation may begin with a dot.
    response.sendFile(file, { dotfiles: "allow", cacheControl: false });
  });
  return router;
}
