// The keyboard: a few keys, each of which a person may change or switch off (WCAG 2.1.4).

import { tell } from "./announce.js";

const USUAL = { primary: "Ctrl+Enter", reask: "Alt+Shift+R", more_time: "Alt+Shift+T", slow_keys: "Alt+Shift+S", hangup: "Alt+Shift+X", list: "?" };
const KEPT = "tonewall-keys";
const THROTTLE_MS = 1000;

/** @typedef {keyof typeof USUAL} Act */
/** @type {Record<string, string> & {off?: string}} */
let keys = { ...USUAL };
/** @type {Act | undefined} */
let changing;
let pressed = 0;

/** @param {string} selector @returns {HTMLElement | undefined} */
const seen = (selector) => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]).find((node) => node.checkVisibility());

/** @type {Record<Act, () => void>} */
const ACTS = {
  primary: () => seen("[data-primary]")?.click(),
  reask: () => (seen('[aria-current="true"] .cap-do .button') ?? seen('[data-state="try_again"] .cap-do .button'))?.click(),
  more_time: () => seen("#f-more_time .button")?.click(),
  slow_keys: () => seen("#f-slow_keys .button")?.click(),
  hangup: () => ask("[data-hangup]"),
  list: () => toggle("[data-keys]"),
};

/** @param {string} selector */
function ask(selector) {
  const details = /** @type {HTMLDetailsElement | undefined} */ (seen(selector));
  if (!details) return;
  details.open = true;
  /** @type {HTMLElement | null} */ (details.querySelector("form .button"))?.focus();
}

/** @param {string} selector */
function toggle(selector) {
  const details = /** @type {HTMLDetailsElement | null} */ (document.querySelector(selector));
  if (!details) return;
  details.open = !details.open;
  details.querySelector("summary")?.focus();
}

/** @param {KeyboardEvent} event */
function name(event) {
  if (["Control", "Shift", "Alt", "Meta", "Tab"].includes(event.key)) return "";
  const letter = /^(?:Key|Digit)(.)$/.exec(event.code)?.[1];
  const sign = !letter && event.key.length === 1;
  const held = `${event.ctrlKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.shiftKey && !sign ? "Shift+" : ""}`;
  return held + (letter ?? (event.key === " " ? "Space" : event.key));
}

function show() {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key-of]"))) {
    node.textContent = (keys[node.dataset.keyOf ?? ""] ?? "").replaceAll("+", " ");
    if (node.closest("[data-primary]")) node.hidden = keys.off === "yes";
  }
}

function keep() {
  localStorage.setItem(KEPT, JSON.stringify(keys));
  show();
}

/** @param {string} words */
function say(words) {
  const node = document.querySelector("[data-keys-words]");
  if (node) node.textContent = words;
}

/** A key that says or moves something by itself stays what it is (WCAG 2.1.4). @param {string} chosen */
const isFree = (chosen) => chosen === USUAL.list || /^(Ctrl\+|Alt\+|(Shift\+)?F\d)/.test(chosen);

function cancel() {
  if (!changing) return;
  changing = undefined;
  say("Not changed.");
}

/** @param {KeyboardEvent} event */
function change(event) {
  if (event.key === "Tab") return cancel();
  const chosen = name(event);
  if (!chosen || !changing) return;
  event.preventDefault();
  if (chosen === "Escape") return cancel();
  if (event.metaKey || !isFree(chosen)) return say("Use Ctrl or Alt with another key, a function key, or ?.");
  const taken = Object.keys(USUAL).find((act) => act !== changing && keys[act] === chosen);
  if (taken) return say(`${chosen.replaceAll("+", " ")} is used already. Choose other keys.`);
  keys[changing] = chosen;
  say(`Changed to ${chosen.replaceAll("+", " ")}.`);
  changing = undefined;
  keep();
}

/** @param {KeyboardEvent} event */
function press(event) {
  if (event.isComposing || event.repeat) return;
  if (changing) return change(event);
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape") {
    const open = /** @type {HTMLDetailsElement | null} */ (target.closest("details[open]") ?? document.querySelector(".confirm[open]"));
    if (open) open.open = false;
    open?.querySelector("summary")?.focus();
    return;
  }
  const plain = !event.ctrlKey && !event.altKey;
  if (keys.off === "yes" || (plain && target.matches("input, select, textarea"))) return;
  const act = /** @type {Act | undefined} */ (Object.keys(USUAL).find((each) => keys[each] === name(event)));
  if (!act) return;
  event.preventDefault();
  if (act === "primary" && Date.now() - pressed < THROTTLE_MS) return tell("One moment: that was just sent.");
  if (act === "primary") pressed = Date.now();
  ACTS[act]();
}

export function keyboard() {
  try {
    keys = { ...USUAL, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
    for (const act of /** @type {Act[]} */ (Object.keys(USUAL))) if (!isFree(keys[act] ?? "")) keys[act] = USUAL[act];
  } catch {
    localStorage.removeItem(KEPT);
  }
  const on = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-keys-on]"));
  if (on) {
    on.checked = keys.off !== "yes";
    on.addEventListener("change", () => {
      keys.off = on.checked ? "no" : "yes";
      keep();
    });
  }
  document.addEventListener("keydown", press);
  document.addEventListener("focusout", ({ target }) => {
    if (/** @type {Element} */ (target).closest("[data-rebind]")) cancel();
  });
  document.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("[data-rebind]");
    changing = /** @type {Act | undefined} */ (/** @type {HTMLElement | null} */ (button)?.dataset.rebind);
    if (changing) say("Press the new keys, or Esc.");
    if (/** @type {Element} */ (target).closest("[data-keys-reset]")) {
      keys = { ...USUAL, off: keys.off ?? "no" };
      say("The usual keys are back.");
      keep();
    }
  });
  show();
}
