import { html } from "../html.ts";
import { empty, type Frame, heading, type Page } from "./layout.ts";

const FAULTS = {
  wrong: { status: 401, text: "This is not an admin key of this pipeline." },
  busy: {
    status: 429,
    text: "Too many keys are being tried at this moment, so this one was not looked at. Try again soon.",
  },
} as const;

export type SignInFault = keyof typeof FAULTS;

/** @param to where it leads back to: a path of the console */
export function signInPage(to: string, fault: SignInFault | null, { rights, howToEnable }: Frame): Page {
  const body = rights.hasKeys
    ? html`<div class="narrow">${heading("Sign in", rights.maySee ? "To promote and roll back models, and to mend and replay dead letters." : "The console shows what users did: it needs an admin key.")}
<form method="post" action="/console/sign-in" class="card sign-in" data-sign-in><input type="hidden" name="to" value="${to}">
<label for="key">Admin key</label><input id="key" name="key" type="password" autocomplete="current-password" required autofocus${fault !== null ? html` aria-invalid="true" aria-describedby="fault"` : ""}>
${fault === null ? "" : html`<p id="fault" class="fault" role="alert">${FAULTS[fault].text}</p>`}
<button type="submit" class="primary">Sign in</button>
<p class="hint">It is kept as a session of this browser for 12 hours, or until you sign out.</p></form></div>`
    : html`<div class="narrow">${heading("Sign in", "There is no admin key to sign in with.")}${empty(rights.maySee ? "Actions are off" : "The console is closed", howToEnable)}</div>`;
  return {
    title: "Sign in",
    section: "sign-in",
    body,
    status: fault !== null ? FAULTS[fault].status : rights.maySee || rights.hasKeys ? 200 : 403,
  };
}

/** What could not be shown, why, and what to do. */
export function faultPage(status: number, title: string, text: string, { address, isAction }: Frame): Page {
  const body = html`<div class="narrow">${heading(title, text)}<p><a class="button" href="${address}">${isAction ? "Back to the page" : "Try again"}</a> <a class="button" href="/console">Overview</a></p></div>`;
  return { title, section: "sign-in", body, status };
}
