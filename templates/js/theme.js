// Colours: the system's, light or dark; kept in a cookie, so that the server's first paint has them.

/** @returns {string} */
const kept = () => /(?:^|; )tonewall-theme=(light|dark)/.exec(document.cookie)?.[1] ?? "system";

export function theme() {
  const root = document.documentElement;
  const select = /** @type {HTMLSelectElement | null} */ (document.querySelector("[data-theme-switch]"));
  root.dataset.theme = kept();
  for (const node of document.querySelectorAll("[data-js]")) /** @type {HTMLElement} */ (node).hidden = false;
  if (!select) return;
  select.value = kept();
  select.addEventListener("change", () => {
    document.cookie = `tonewall-theme=${select.value}; path=/; max-age=31536000; samesite=lax`;
    root.dataset.theme = select.value;
  });
}
