/** What changes something: forms of our own pages, sent by somebody who has given an admin key. */
import { setTimeout as sleep } from "node:timers/promises";
import express, { type Request, type Response, Router } from "express";
import { z } from "zod";
import { findKey } from "../http/index.ts";
import { isFromOwnPage, localPath, newSession, SESSION_COOKIE, SESSION_MILLISECONDS, usableKeys } from "./access.ts";
import { counted, deed } from "./format.ts";
import { cookieOptions, frameOf, leadTo, secure, sendPage } from "./frame.ts";
import { faultOf } from "./letters.ts";
import { letterUrl } from "./pages/dead-letters.ts";
import { faultPage, signInPage } from "./pages/sign-in.ts";
import { userUrl } from "./pages/users.ts";
import type { ConsolePorts } from "./ports.ts";
import { showLetter } from "./reading.ts";

const FORM_BYTES = 2 * 1_048_576;
/** Guessing keys takes time. */
const WRONG_KEY_MILLISECONDS = 300;

const text = z.string().max(2_000);
const signInForm = z.object({ key: text, to: text.default("/console") });
const promoteForm = z.object({ version: text.min(1) });
/** What one record is, or all of a reason on a topic: a slip of the pen must not mean "all". */
const replayForm = z.union([
  z.object({ id: text.min(1), back: z.literal("letter").optional() }),
  z.object({ topic: text.min(1), reason: text.min(1) }),
]);
const mendForm = z.object({ value: z.string() });
const actForm = z.object({ event: z.enum(["view", "add_to_cart", "purchase"]), item: text.min(1) });

export function actingRouter(ports: ConsolePorts, now: () => number): Router {
  const { access, models, deadLetters, act } = ports;
  const router = Router();
  router.post(
    "/console/{*path}",
    express.urlencoded({ extended: false, limit: FORM_BYTES }),
    (request, response, next) => {
      if (isFromOwnPage(request)) return next();
      const frame = frameOf(request, ports, now());
      sendPage(response, faultPage(403, "Not sent from here", "Only a page of this console can ask for this."), frame);
    },
  );

  router.post("/console/sign-in", async (request, response) => {
    const form = signInForm.safeParse(request.body ?? {});
    const to = localPath(form.data?.to);
    const key = form.success ? findKey(usableKeys(access), form.data.key) : null;
    if (key === null) {
      await sleep(WRONG_KEY_MILLISECONDS);
      return sendPage(response, signInPage(to, true, frameOf(request, ports, now())), frameOf(request, ports, now()));
    }
    const options = { ...cookieOptions(request), maxAge: SESSION_MILLISECONDS };
    response.cookie(SESSION_COOKIE, newSession(key, now()), options);
    secure(response);
    response.redirect(303, to);
  });

  router.post("/console/sign-out", (request, response) => {
    response.clearCookie(SESSION_COOKIE, cookieOptions(request));
    secure(response);
    response.redirect(303, "/console");
  });

  router.post("/console/{*path}", (request, response, next) => {
    const frame = frameOf(request, ports, now());
    if (frame.rights.mayAct) return next();
    const why = frame.rights.hasKeys ? "Sign in with an admin key first." : frame.howToEnable;
    sendPage(response, faultPage(403, "Actions need an admin key", why), frame);
  });

  router.post("/console/models/promote", async (request, response) => {
    const form = promoteForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, "/console/models");
    await moving(request, response, async () => {
      const { version, replaces } = await models.promote(form.data.version);
      return `${version} answers users now${replaces === null ? "" : `, in place of ${replaces}`}.`;
    });
  });

  router.post("/console/models/roll-back", async (request, response) =>
    moving(request, response, async () => {
      const { version, replaces } = await models.rollBack();
      return `Rolled back: ${version} answers users again${replaces === null ? "" : `, in place of ${replaces}`}.`;
    }),
  );

  router.post("/console/dead-letters/replay", async (request, response) => {
    const form = replayForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, "/console/dead-letters");
    const isOne = "id" in form.data;
    const sent = await deadLetters.replay("id" in form.data ? { ids: [form.data.id] } : form.data);
    const back = "id" in form.data && form.data.back === "letter" ? letterUrl(form.data.id) : "/console/dead-letters";
    const done = `${counted(sent, "record")} sent through again; ${sent === 1 ? "it is" : "those that pass are"} resolved within seconds.`;
    if (sent > 0) return leadTo(request, response, back, { kind: "done", text: done });
    leadTo(request, response, back, {
      kind: "failed",
      text: isOne ? "It is not open any more." : "None is open any more.",
    });
  });

  router.post("/console/dead-letters/:id/mend", async (request, response) => {
    const { id } = request.params;
    const form = mendForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, letterUrl(id));
    const fault = faultOf(form.data.value);
    if (fault !== null) {
      return showLetter(ports, id, { text: form.data.value, fault }, response, frameOf(request, ports, now()));
    }
    const wasOpen = await deadLetters.mend(id, Buffer.from(form.data.value));
    leadTo(
      ...([request, response, letterUrl(id)] as const),
      wasOpen
        ? { kind: "done", text: "The mended record was sent through; it is resolved within seconds if it passes." }
        : { kind: "failed", text: "It is not open any more: nothing was sent." },
    );
  });

  router.post("/console/users/:id/act", async (request, response, next) => {
    const { id } = request.params;
    const form = actForm.safeParse(request.body);
    if (act === null) return next();
    if (!form.success) return refuse(request, response, userUrl(id));
    const { event, item } = form.data;
    await act({ event, item, user: id });
    leadTo(request, response, userUrl(id), { kind: "done", text: `User ${id} ${deed(event)} item ${item}.` });
  });
  return router;
}

async function moving(request: Request, response: Response, move: () => Promise<string>): Promise<void> {
  try {
    leadTo(request, response, "/console/models", { kind: "done", text: await move() });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "version_refused")) throw error;
    leadTo(request, response, "/console/models", { kind: "failed", text: `Nothing was changed: ${error.message}.` });
  }
}

function refuse(request: Request, response: Response, back: string): void {
  leadTo(request, response, back, { kind: "failed", text: "The form was not complete: nothing was changed." });
}
