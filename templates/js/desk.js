// The agent's screen: joins the stream, the buttons, the keys and the page.

import { actions } from "./actions.js";
import { announce, interrupt, tell } from "./announce.js";
import { apply, dirty } from "./bind.js";
import { keyboard } from "./keys.js";
import { follow } from "./live.js";
import "./money.js";
import { theme } from "./theme.js";
import { countdown } from "./timer.js";

const main = /** @type {HTMLElement} */ (document.querySelector("#main"));
const lost = /** @type {HTMLElement} */ (document.querySelector("[data-lost]"));
const line = /** @type {HTMLElement} */ (document.querySelector(".line"));
const still = /** @type {HTMLElement | null} */ (document.querySelector("[data-still]"));
const slow = /** @type {HTMLElement} */ (document.querySelector("[data-slow]"));
const terms = /** @type {HTMLElement} */ (document.querySelector("[data-preview]"));

const NO_PREVIEW = { dates: [], count: "", total: "", consent: "", read: "" };
let preview = NO_PREVIEW;
let state = "live";
let words = "";
/** @type {any} */
let shown;

function title() {
  document.title = `${state === "lost" && main.dataset.call ? "LINE NOT SECURE" : words || "Payment desk"} · Tonewall`;
}

/** Focus goes where the next words are typed, unless a person is typing elsewhere. @param {any} screen */
function arrive(screen) {
  const input = /** @type {HTMLElement | null} */ (main.querySelector("[data-arrive]"));
  const here = document.activeElement;
  const free = !here?.matches("input, select, textarea") || /** @type {HTMLInputElement} */ (here).readOnly;
  if (screen.stage === "approved" && shown?.stage !== "approved" && screen.receipt.offered && free) input?.focus();
}

/** A wording that is not the one of the terms any more is not there to be agreed to. */
function forget() {
  preview = NO_PREVIEW;
  terms.hidden = true;
  /** @type {HTMLInputElement} */ (terms.querySelector("[name=read]")).value = "";
  /** @type {HTMLInputElement} */ (terms.querySelector("[name=agreed]")).checked = false;
}

/** @param {any} screen */
function screen(screen) {
  const call = screen.call?.id ?? "";
  if (call !== main.dataset.call) {
    for (const input of main.querySelectorAll("input, select")) dirty.delete(input);
    for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (main.querySelectorAll("form[id]"))) form.reset();
    forget();
  }
  // The first screen also takes a wording away that came with the page: it is asked for anew.
  if (!preview.read) terms.hidden = true;
  main.dataset.call = call;
  main.dataset.next = screen.primary.action;
  words = screen.line.words;
  apply(main, { ...screen, preview });
  arrive(screen);
  countdown(screen.left_s);
  announce(screen.announce);
  // Which of the two it is now follows from what it was: no function of the screen alone could say it.
  if (shown && shown.call?.id === screen.call?.id && shown.slow_keys.on !== screen.slow_keys.on) {
    tell(`Slow keys ${screen.slow_keys.words}.`);
  }
  title();
  shown = screen;
}

/** @param {"live"|"slow"|"lost"} now */
function connection(now) {
  slow.hidden = now !== "slow";
  if (now === state) return;
  const gone = now === "lost";
  const called = Boolean(main.dataset.call);
  const [head, rest] = called
    ? ["LINE NOT SECURE", "We cannot see the line. Ask the customer to stop keying and not to say the number. Reconnecting…"]
    : ["Screen not live", "We cannot reach Tonewall. A call that comes in now will not be shown. Reconnecting…"];
  if (gone) {
    /** @type {HTMLElement} */ (lost.querySelector("[data-lost-words]")).textContent = head;
    /** @type {HTMLElement} */ (lost.querySelector("[data-lost-detail]")).textContent = rest;
    interrupt(`${head}. ${rest}`);
  } else if (state === "lost") {
    interrupt(`Screen live again. ${words}`);
  }
  lost.hidden = !gone;
  line.hidden = gone;
  state = now;
  title();
}

function heard() {
  if (still) still.hidden = true;
}

function away() {
  location.assign("/sign-in?why=out");
}

theme();
keyboard();
main.tabIndex = -1;
const stream = follow({ call: () => new URLSearchParams(location.search).get("call") ?? "", screen, state: connection, heard, away });
actions({
  screen(answer) {
    const other = answer.call && answer.call.id !== main.dataset.call;
    if (other) history.replaceState(null, "", `/desk?call=${encodeURIComponent(answer.call.id)}`);
    stream.answer(answer);
    if (other) stream.reopen();
  },
  preview(answer) {
    preview = answer;
    if (shown) apply(main, { ...shown, preview });
    terms.hidden = false;
    /** @type {HTMLElement | null} */ (terms.querySelector("[name=agreed]"))?.focus();
  },
  terms: forget,
  away,
});
