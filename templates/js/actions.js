// Buttons: a form posts by fetch, its button shows that it is busy, and an error stands at its field.

import { interrupt, tell } from "./announce.js";
import { dirty } from "./bind.js";

const BUSY_MS = 300;
const WORDS_MS = 2000;
const GIVE_UP_MS = 20000;
/** What cannot be taken back is not done twice in a second. */
const THROTTLE_MS = 1000;
const JUST_SENT = "One moment: that was just sent.";
const FINAL = ["take", "hangup", "wrap_up", "receipt", "agreement", "cancel", "unsecure", "means"];

/** Inputs of the form that belong to its other button. @type {Record<string, string[]>} */
const FOREIGN = { find: ["amount", "confirm"], agreement_preview: ["agreed", "read"] };

const main = /** @type {HTMLElement} */ (document.querySelector("#main"));
/** @type {WeakSet<Element>} */
const sending = new WeakSet();
/** @type {Record<string, number>} */
const done = {};
let ids = 0;
/** Changes of the terms: a wording that was asked for before the last one is stale. */
let changes = 0;

/** @param {HTMLFormElement} form */
function clear(form) {
  for (const slot of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-error]:not([hidden])"))) {
    if (slot.closest("form") && slot.closest("form") !== form) continue;
    slot.hidden = true;
    const input = slot.id && document.querySelector(`[aria-describedby="${slot.id}"]`);
    if (input) for (const name of ["aria-describedby", "aria-invalid"]) input.removeAttribute(name);
  }
}

/** @param {HTMLFormElement} form @param {{message: string, field?: string | null}} error */
function complain(form, error) {
  const field = CSS.escape(error.field ?? "");
  const act = form.dataset.act;
  const slot = /** @type {HTMLElement | null} */ (
    (field && form.querySelector(`[data-error="${field}"],[data-error="${act}_${field}"]`)) ||
      form.querySelector('[data-error=""]') || document.querySelector('.dock [data-error=""]'));
  if (!slot) return interrupt(error.message);
  slot.id ||= `error-${++ids}`;
  slot.textContent = error.message;
  slot.hidden = false;
  const input = /** @type {HTMLElement | null} */ (field && form.querySelector(`[name="${field}"]:not([type="hidden"])`));
  if (!input) return interrupt(error.message);
  input.setAttribute("aria-describedby", slot.id);
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

/** @param {DOMStringMap} values */
function fill(values) {
  for (const name of ["account", "amount", "house_number", "postcode", "email"]) {
    const form = name === "email" ? "receipt" : name.length > 7 ? "address" : "collect";
    const input = /** @type {HTMLInputElement | null} */ (document.querySelector(`#f-${form} [name="${name}"]`));
    if (!input || input.readOnly || !values[name]) continue;
    input.value = values[name] ?? "";
    dirty.add(input);
  }
  tell("Invoice taken over. Check the amount with the customer.");
  /** @type {HTMLElement | null} */ (document.querySelector("[data-primary]"))?.focus();
}

/**
 * @param {HTMLFormElement} form @param {HTMLElement | null} button
 * @param {{screen: (screen: any) => void, preview: (preview: any) => void, away: () => void}} to
 */
async function send(form, button, to) {
  const act = button?.dataset.act ?? form.dataset.act ?? "";
  const call = form.dataset.call ?? main.dataset.call ?? "";
  const now = Date.now();
  if (button?.getAttribute("aria-disabled") === "true") return;
  if (sending.has(form) || (FINAL.includes(act) && now - (done[act] ?? 0) < THROTTLE_MS)) return tell(JUST_SENT);
  done[act] = now;
  sending.add(form);
  clear(form);
  const asked = changes;
  const data = new FormData(form, button);
  for (const name of FOREIGN[act] ?? []) data.delete(name);
  const awaited = /** @type {HTMLElement | null} */ (document.querySelector("[data-awaited]"));
  const busy = setTimeout(() => button?.setAttribute("aria-busy", "true"), BUSY_MS);
  const words = setTimeout(() => {
    if (!awaited) return;
    awaited.textContent = "Still waiting for an answer. Nothing needs to be pressed again.";
    awaited.hidden = false;
  }, WORDS_MS);
  try {
    const answer = await fetch(form.dataset.post === undefined ? `/desk/${encodeURIComponent(call)}/${act}` : form.action, {
      method: "POST", redirect: "manual", signal: AbortSignal.timeout(GIVE_UP_MS),
      headers: { Accept: "application/json", "X-CSRF-Token": String(data.get("csrf")) },
      body: new URLSearchParams(/** @type {any} */ (data)),
    });
    if (answer.status === 401) return to.away();
    const json = await answer.json().catch(() => null);
    if (!answer.ok && answer.type !== "opaqueredirect") {
      // Nothing was done that could be done twice.
      done[act] = 0;
      return complain(form, json?.error ?? { message: "Tonewall could not do that just now. Try again in a moment." });
    }
    // An address to which a receipt went stays: it may be needed once more.
    for (const input of form.elements) if (act !== "receipt") dirty.delete(input);
    form.closest(".confirm[open]")?.removeAttribute("open");
    const fresh = asked === changes && call === (main.dataset.call ?? "");
    if (json?.consent !== undefined) return fresh ? to.preview(json) : undefined;
    if (json?.line) to.screen(json);
  } catch {
    complain(form, { message: "We could not reach Tonewall, so we do not know if this arrived. Wait until this screen is live again, then look before you press it." });
  } finally {
    clearTimeout(busy);
    clearTimeout(words);
    if (awaited) awaited.hidden = true;
    sending.delete(form);
    if (!button?.dataset.attr) button?.removeAttribute("aria-busy");
    else if (main.dataset.next !== "busy") button.removeAttribute("aria-busy");
  }
}

/** @param {{screen: (screen: any) => void, preview: (preview: any) => void, away: () => void, terms: () => void}} to */
export function actions(to) {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.dataset.act === undefined && form.dataset.post === undefined) return;
    event.preventDefault();
    const button = /** @type {HTMLElement | null} */ (event.submitter);
    if (button?.dataset.fill !== undefined) fill(button.dataset);
    else send(form, button, to);
  });
  document.addEventListener("input", (event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    dirty.add(input);
    if (input.hasAttribute("aria-invalid") && input.form) clear(input.form);
    if (input.closest("[data-terms]")) {
      changes += 1;
      to.terms();
    }
  });
  document.addEventListener("keydown", (event) => {
    const input = /** @type {HTMLElement} */ (event.target);
    if (event.key !== "Enter" || event.ctrlKey || input.dataset.enter === undefined) return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (document.querySelector(`.find[data-act="${input.dataset.enter}"]`))?.click();
  });
  document.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-copy]");
    if (!button) return;
    const words = button.querySelector("[data-copy-words]");
    await navigator.clipboard.writeText(button.parentElement?.querySelector(".mono")?.textContent ?? "");
    if (words) words.textContent = "Copied";
    tell("Reference copied");
    setTimeout(() => words && (words.textContent = "Copy"), WORDS_MS);
  });
}
