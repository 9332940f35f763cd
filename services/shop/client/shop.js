/** What the storefront's pages do: tell the snippet what the visitor does, and show what is recommended after it. */

const LOOK_MILLISECONDS = 2_000;
const TIMEOUT_MILLISECONDS = 5_000;

const page = /** @type {{ productmatcher: { push(call: unknown[]): void } }} */ (/** @type {unknown} */ (window));
// Until the snippet has loaded, calls wait for it in an array.
page.productmatcher ??= /** @type {unknown[]} */ ([]);

/** Where the browser gives no storage, the visitor is not known. @param {string} name */
function stored(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

/** As the recommender knows the visitor. */
function visitor() {
  const [user, anonymous] = [stored("pm.user"), stored("pm.visitor")];
  return user || (anonymous && `anonymous:${anonymous}`);
}

/** @param {string} text */
function say(text) {
  const said = /** @type {HTMLElement | null} */ (document.querySelector("[data-said]"));
  if (said === null) return;
  said.hidden = false;
  said.textContent = text;
}

function showWho() {
  const who = document.querySelector("[data-who]");
  const user = stored("pm.user");
  if (who !== null) who.textContent = user === "" ? "Sign in" : `Signed in as user ${user}`;
}

/** Whoever is in the list with the keyboard or the pointer keeps what they are about to open. @param {Element} list */
function isInUse(list) {
  return list.contains(document.activeElement) || list.matches(":hover");
}

let known = "";
async function look() {
  const list = document.querySelector("[data-recommended]");
  if (list === null) return;
  try {
    if (document.hidden || isInUse(list)) return;
    const url = `/recommended?${new URLSearchParams({ user: visitor() })}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    const fresh = response.ok ? await response.text() : known;
    // Escaped where it was made.
    if (fresh !== known && !isInUse(list)) list.innerHTML = known = fresh;
  } catch {
    // No answer, or half of one: what is shown stays.
  } finally {
    setTimeout(look, LOOK_MILLISECONDS);
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("[data-call]") : null;
  if (!(button instanceof HTMLElement)) return;
  const [name, ...parameters] = JSON.parse(button.dataset.call ?? "[]");
  if (name === "purchase") parameters[0].order_id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
  page.productmatcher.push([name, ...parameters]);
  say(document.querySelector("[data-refused]")?.textContent ?? button.dataset.says ?? "");
  showWho();
});

const seen = /** @type {HTMLElement | null} */ (document.querySelector("[data-seen]"))?.dataset.seen;
if (seen !== undefined) page.productmatcher.push(JSON.parse(seen));
showWho();
void look();

export {};
