/** From a request to the frame of its page, and from a page to its response. */
import type { Request, Response } from "express";
import { cookieName, cookieOf, localPath, rightsOf } from "./access.ts";
import { type Frame, layout, type Notice, type Page } from "./pages/layout.ts";
import type { ConsolePorts } from "./ports.ts";

const NOTICE_MILLISECONDS = 30_000;
/** Sent by pages that look again at themselves. */
const LIVE_HEADER = "x-console-live";

/** No script but our own, no frame around it, nothing of another origin but the catalogue's pictures. */
function contentPolicy(pictures: readonly string[]): string {
  const origins = [...new Set(pictures.map((url) => new URL(url).origin))].sort();
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${["'self'", ...origins].join(" ")}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export function frameOf(request: Request, { pipeline, access }: ConsolePorts, now: number): Frame {
  const { cookie } = request.headers;
  return {
    pipeline,
    rights: rightsOf(access, cookieOf(cookie, cookieName("session", request)), now),
    howToEnable: access.howToEnable,
    // A page that looks again at itself must not take away what the next one is to say.
    notice: request.get(LIVE_HEADER) === undefined ? readNotice(cookieOf(cookie, cookieName("notice", request))) : null,
    now,
    noticeCookie: cookieName("notice", request),
    ...(request.method === "GET" || request.method === "HEAD"
      ? { address: request.originalUrl, isAction: false }
      : { address: pageOfForm(request), isAction: true }),
  };
}

/** Where the form stands that was sent: its own address may have no page. */
function pageOfForm(request: Request): string {
  const from = request.get("referer") ?? "";
  if (!URL.canParse(from)) return "/console";
  const { pathname, search } = new URL(from);
  return localPath(pathname + search);
}

export function sendPage(response: Response, page: Page, frame: Frame): void {
  if (frame.notice !== null) response.clearCookie(frame.noticeCookie, { path: "/console" });
  secure(response, page.pictures);
  response
    .status(page.status ?? 200)
    .type("html")
    .send(layout(page, frame).toString());
}

/** Of everything that is no asset: it is about this moment, and for this person. */
export function secure(response: Response, pictures: readonly string[] = []): void {
  response.set({
    "Cache-Control": "no-store",
    "Content-Security-Policy": contentPolicy(pictures),
    "Cross-Origin-Opener-Policy": "same-origin",
    // Not `no-referrer`: forms would then be sent without the origin by which they are known.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  });
}

/** Leads to a page that says what came of it. */
export function leadTo(request: Request, response: Response, url: string, notice: Notice): void {
  const options = { ...cookieOptions(request), maxAge: NOTICE_MILLISECONDS };
  response.cookie(cookieName("notice", request), JSON.stringify(notice), options);
  secure(response);
  response.redirect(303, url);
}

/** A proxy before this process may have ended TLS. */
export function cookieOptions(request: Request) {
  const secureOnly = request.secure || request.get("x-forwarded-proto") === "https";
  return { httpOnly: true, sameSite: "strict", path: "/console", secure: secureOnly } as const;
}

function readNotice(cookie: string | undefined): Notice | null {
  if (cookie === undefined) return null;
  try {
    const { kind, text } = JSON.parse(decodeURIComponent(cookie)) as Partial<Notice>;
    return typeof text === "string" ? { kind: kind === "failed" ? "failed" : "done", text } : null;
  } catch {
    return null;
  }
}
