// Tells a screen reader what the server thinks worth telling; never a key.

const polite = /** @type {HTMLElement} */ (document.querySelector("[data-polite]"));
const assertive = /** @type {HTMLElement} */ (document.querySelector("[data-assertive]"));

/** @param {string} words */
export function tell(words) {
  polite.textContent = words;
}

/** @param {string} words */
export function interrupt(words) {
  assertive.textContent = words;
}

/** What the first screen says is on the page already. @type {{polite: string, assertive: string} | undefined} */
let last;

/** @param {{polite: string, assertive: string}} words */
export function announce(words) {
  if (last && words.polite !== last.polite) tell(words.polite);
  if (last && words.assertive !== last.assertive) interrupt(words.assertive);
  last = words;
}
