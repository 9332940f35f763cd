import { type ErrorRequestHandler, Router } from "express";
import type { Logger } from "pino";
import { type ClickHouse, failureOf } from "../clickhouse/index.ts";
import { actingRouter } from "./acting.ts";
import { assetsRouter } from "./assets.ts";
import { frameOf, sendPage } from "./frame.ts";
import { measuringOf, sharedModels, storeLook } from "./measuring.ts";
import { faultPage } from "./pages/sign-in.ts";
import type { ConsolePorts } from "./ports.ts";
import { missing, readingRouter } from "./reading.ts";
import { shopOf } from "./shop.ts";

export interface ConsoleOptions {
  readonly ports: ConsolePorts;
  /** A connection of its own: pages wait for each other, and nothing else waits for them. */
  readonly clickhouse: ClickHouse;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Console {
  /** Everything below `/console`. */
  readonly router: Router;
  /** Remembers the pipeline's figures from now on: what its charts show. */
  measure(): void;
  close(): void;
}

/** Pages for people who run the pipeline or the shop. */
export function startConsole({ ports: given, clickhouse, logger, now }: ConsoleOptions): Console {
  const ports = { ...given, models: sharedModels(given.models, now) };
  const measuring = measuringOf(ports, { now, logger });
  const store = storeLook(clickhouse, now);
  const router = Router();
  router.use(assetsRouter());
  router.use(readingRouter({ ports, shop: shopOf(clickhouse), measuring, store, now }));
  router.use(actingRouter(ports, now));
  router.use("/console", (request, response) => {
    const text = `The console has no page ${request.originalUrl}.`;
    const frame = frameOf(request, ports, now());
    sendPage(response, missing(text, frame), frame);
  });
  const failed: ErrorRequestHandler = (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const frame = frameOf(request, ports, now());
    if (isClientError(error)) {
      return sendPage(response, faultPage(error.status, "The request is not valid", error.message, frame), frame);
    }
    logger.error({ err: error, method: request.method, path: request.path }, "a page of the console failed");
    const title = frame.isAction ? "This could not be done" : "This cannot be shown now";
    sendPage(response, faultPage(503, title, explained(error), frame), frame);
  };
  router.use("/console", failed);
  return { router, measure: measuring.start, close: measuring.close };
}

/** What a person can do something about; the log has the rest. */
function explained(error: unknown): string {
  const { cause, problem } = failureOf(error);
  if (cause !== "Unknown") return `ClickHouse: ${problem}`;
  return `It failed: ${error instanceof Error ? error.message : String(error)}. The log of the process has more.`;
}

function isClientError(error: unknown): error is Error & { readonly status: number } {
  return error instanceof Error && "status" in error && typeof error.status === "number" && error.status < 500;
}
