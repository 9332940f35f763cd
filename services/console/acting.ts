/** What changes something: forms of our own pages, sent by somebody who has given an admin key. */
import express, { type Request, type Response, Router } from "express";
import { z } from "zod";
import { findKey } from "../http/index.ts";
import { cookieName, isFromOwnPage, localPath, newSession, SESSION_MILLISECONDS, usableKeys } from "./access.ts";
import { counted, deed } from "./format.ts";
import { cookieOptions, frameOf, leadTo, secure, sendPage } from "./frame.ts";
import { guesses } from "./guesses.ts";
import { faultOf } from "./letters.ts";
import { letterUrl } from "./pages/dead-letters.ts";
import { faultPage, signInPage } from "./pages/sign-in.ts";
import { userUrl } from "./pages/users.ts";
import type { ConsolePorts, Moved } from "./ports.ts";
import { showLetter } from "./reading.ts";
import { idOf } from "./segment.ts";

const FORM_BYTES = 2 * 1_048_576;
const KEY_BYTES = 8_192;
/** The last who waits does so for six seconds. */
const GUESSES = { milliseconds: 300, waiting: 20 };

const text = z.string().max(2_000);
const signInForm = z.object({ key: text, to: text.default("/console") });
const promoteForm = z.object({ version: text.min(1) });
/** What the page showed as the champion: a second press of the button, or of somebody else, is not another step back. */
const rollBackForm = z.object({ from: text.min(1) });
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
  const parsed = (limit: number) => express.urlencoded({ extended: false, limit });
  router.post("/console/{*path}", (request, response, next) => {
    if (isFromOwnPage(request)) return next();
    const frame = frameOf(request, ports, now());
    const text = "Only a page of this console can ask for this.";
    // Where a page of another origin says it comes from is no place to lead back to.
    sendPage(response, faultPage(403, "Not sent from here", text, { ...frame, address: "/console" }), frame);
  });

  const { take } = guesses(GUESSES);
  router.post("/console/sign-in", parsed(KEY_BYTES), async (request, response) => {
    const form = signInForm.safeParse(request.body ?? {});
    const to = localPath(form.data?.to);
    const key = await take(() => (form.success ? findKey(usableKeys(access), form.data.key) : null));
    if (key === null || key === "busy") {
      const frame = frameOf(request, ports, now());
      return sendPage(response, signInPage(to, key ?? "wrong", frame), frame);
    }
    const options = { ...cookieOptions(request), maxAge: SESSION_MILLISECONDS };
    response.cookie(cookieName("session", request), newSession(key, now()), options);
    secure(response);
    response.redirect(303, to);
  });

  router.post("/console/sign-out", (request, response) => {
    response.clearCookie(cookieName("session", request), cookieOptions(request));
    secure(response);
    response.redirect(303, "/console");
  });

  router.post("/console/{*path}", (request, response, next) => {
    const frame = frameOf(request, ports, now());
    if (frame.rights.mayAct) return next();
    const why = frame.rights.hasKeys ? "Sign in with an admin key first." : frame.howToEnable;
    sendPage(response, faultPage(403, "Actions need an admin key", why, frame), frame);
  });
  router.post("/console/{*path}", parsed(FORM_BYTES));

  router.post("/console/models/promote", async (request, response) => {
    const form = promoteForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, "/console/models");
    const { version } = form.data;
    await moving(request, response, async () =>
      movedText(await models.promote(version), models.pinned(), "answers users now"),
    );
  });

  router.post("/console/models/roll-back", async (request, response) => {
    const form = rollBackForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, "/console/models");
    const { from } = form.data;
    await moving(request, response, async () => {
      const text = movedText(await models.rollBack(from), models.pinned(), "answers users again");
      return `Rolled back: ${text}`;
    });
  });

  router.post("/console/dead-letters/replay", async (request, response) => {
    const form = replayForm.safeParse(request.body);
    if (!form.success) return refuse(request, response, "/console/dead-letters");
    const isOne = "id" in form.data;
    const back = "id" in form.data && form.data.back === "letter" ? letterUrl(form.data.id) : "/console/dead-letters";
    let sent: number;
    try {
      sent = await deadLetters.replay("id" in form.data ? { ids: [form.data.id] } : form.data);
    } catch (error) {
      if (!hasCode(error, "replay_interrupted")) throw error;
      const text = `${error.message}. Those that were sent and pass are resolved within seconds; replay the others once the fault is mended.`;
      return leadTo(request, response, back, { kind: "failed", text });
    }
    const done = `${counted(sent, "record")} sent through again; ${sent === 1 ? "it is" : "those that pass are"} resolved within seconds.`;
    if (sent > 0) return leadTo(request, response, back, { kind: "done", text: done });
    leadTo(request, response, back, {
      kind: "failed",
      text: isOne ? "It is not open any more." : "None is open any more.",
    });
  });

  router.post("/console/dead-letters/:id/mend", async (request, response) => {
    const id = idOf(request.params.id);
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
    const id = idOf(request.params.id);
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
    if (!hasCode(error, "version_refused")) throw error;
    leadTo(request, response, "/console/models", { kind: "failed", text: `Nothing was changed: ${error.message}.` });
  }
}

/** What has become of a move: that the registry has it does not mean that users are answered by it. */
function movedText({ version, replaces, pending }: Moved, pinned: string | undefined, serves: string): string {
  const instead = replaces === null ? "" : `, in place of ${replaces}`;
  if (pinned === version) return `${version} ${serves}${instead}, and is the one that the resource pins.`;
  if (pinned !== undefined) {
    return `${version} is the champion now${instead}. Users are still answered by ${pinned}, which the resource pins (serving.model.pinnedVersion).`;
  }
  if (pending === null) return `${version} ${serves}${instead}.`;
  return `${version} is the champion now${instead}. It does not answer users yet, since it could not be loaded (${pending}); that is tried again every few seconds.`;
}

function hasCode(error: unknown, code: string): error is Error {
  return error instanceof Error && "code" in error && error.code === code;
}

function refuse(request: Request, response: Response, back: string): void {
  leadTo(request, response, back, { kind: "failed", text: "The form was not complete: nothing was changed." });
}
