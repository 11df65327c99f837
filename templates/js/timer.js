// Counts down between two screens.

const node = /** @type {HTMLElement | null} */ (document.querySelector("[data-timer]"));
let ends = 0;

function show() {
  if (!node || !ends) return;
  const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
  const text = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s` : left === 1 ? "1 second" : `${left} seconds`;
  if (node.textContent !== text) node.textContent = text;
}

/** @param {number | null} left_s */
export function countdown(left_s) {
  ends = left_s === null ? 0 : Date.now() + left_s * 1000;
  show();
}

setInterval(show, 250);
