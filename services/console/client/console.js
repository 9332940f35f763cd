/** What pages do beyond their markup: look again at what changes, draw charts, sign in from the address that a start prints. */
import { drawCharts } from "./charts.js";

/** Longer than the server waits for its database. */
const LOOK_MILLISECONDS = 10_000;

/** The form that was sent: what it brings will show. @type {EventTarget | null} */
let sent = null;
/** A click is lost where what was pressed is not what is let go. */
let pressed = false;
/** The click follows the end of the press. */
const CLICK_MILLISECONDS = 100;

function watchPeople() {
  addEventListener("pointerdown", () => {
    pressed = true;
  });
  for (const end of ["pointerup", "pointercancel", "dragend"]) {
    addEventListener(end, () =>
      setTimeout(() => {
        pressed = false;
      }, CLICK_MILLISECONDS),
    );
  }
  document.addEventListener("submit", (event) => {
    if (event.target === sent) event.preventDefault();
    sent = event.target;
  });
  // Somebody went back to a page that the browser has kept.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) sent = null;
  });
}

/** Whether somebody would lose what they are doing there, if it was exchanged now. @param {Element} part */
function isInUse(part) {
  const selection = getSelection();
  if (pressed || (selection !== null && !selection.isCollapsed && selection.containsNode(part, true))) return true;
  return [...part.querySelectorAll("input:not([type=hidden]), textarea, select")].some(
    (field) => field === document.activeElement || isChanged(field),
  );
}

/** @param {Element} field */
function isChanged(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((one) => one.selected !== one.defaultSelected);
  if (field instanceof HTMLTextAreaElement) return field.value !== field.defaultValue;
  return (
    field instanceof HTMLInputElement && (field.value !== field.defaultValue || field.checked !== field.defaultChecked)
  );
}

/** Keeps the server's markup: only parts marked `data-live` are exchanged, and only where they have changed. */
function startLooking() {
  const every = Number(document.body.dataset.refresh ?? 0);
  if (every === 0) return;
  const lost = /** @type {HTMLElement | null} */ (document.querySelector(".lost"));
  const known = new Map([...document.querySelectorAll("[data-live]")].map((part) => [key(part), part.innerHTML]));
  let failures = 0;
  const look = async () => {
    if (!document.hidden && sent === null) {
      try {
        await exchange(known);
        failures = 0;
      } catch {
        failures += 1;
      }
      if (lost !== null) lost.hidden = failures < 2;
    }
    setTimeout(look, every * Math.min(8, 2 ** failures));
  };
  setTimeout(look, every);
}

/** @param {Element} part */
function key(part) {
  return part.getAttribute("data-live") ?? "";
}

/** @param {Map<string, string>} known */
async function exchange(known) {
  const response = await fetch(location.href, {
    headers: { "x-console-live": "1" },
    redirect: "error",
    signal: AbortSignal.timeout(LOOK_MILLISECONDS),
  });
  // Whoever is signed out in the meantime is led to the sign-in.
  if (response.status === 401) return location.reload();
  if (!response.ok) throw new Error(`answered ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (sent !== null) return;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${key(part)}"]`)?.innerHTML;
    if (next === undefined || next === known.get(key(part)) || isInUse(part)) continue;
    known.set(key(part), next);
    keepingFocus(part, () => {
      const open = [...part.querySelectorAll("details")].map((details) => details.open);
      part.innerHTML = next;
      for (const [place, details] of part.querySelectorAll("details").entries()) details.open = open[place] ?? false;
    });
  }
}

/**
 * Whoever moves by keyboard stays where they are.
 *
 * @param {Element} part
 * @param {() => void} change
 */
function keepingFocus(part, change) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const place = focused instanceof HTMLElement ? focusable(part).indexOf(focused) : -1;
  const name = focused === null ? "" : nameOf(focused);
  change();
  if (focused === null) return;
  const now = focusable(part);
  const same = now.find((element) => nameOf(element) === name) ?? now[place];
  same?.focus({ preventScroll: true });
}

/** @param {Element} part @returns {HTMLElement[]} */
function focusable(part) {
  return [...part.querySelectorAll("a[href], summary, button:not([disabled])")].filter(
    (one) => one instanceof HTMLElement,
  );
}

/** @param {Element} element */
function nameOf(element) {
  return `${element.getAttribute("href") ?? ""} ${element.textContent}`;
}

/** `/console/sign-in#key=...`: what stands behind the # never leaves the browser by itself. */
function signInFromAddress() {
  const form = document.querySelector("form[data-sign-in]");
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  const field = form?.querySelector("input[name=key]");
  if (!(form instanceof HTMLFormElement) || !(field instanceof HTMLInputElement)) return;
  field.value = given;
  form.requestSubmit();
}

watchPeople();
signInFromAddress();
startLooking();
drawCharts();
