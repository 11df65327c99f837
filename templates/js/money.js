// "12.5" becomes "12.50" when the box is left; the server alone decides what an amount is.

document.addEventListener("focusout", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.dataset.money === undefined) return;
  const [, whole, part = ""] = /^\s*(\d+)(?:\.(\d?))?\s*$/.exec(target.value) ?? [];
  const currency = target.closest(".affix")?.textContent?.trim() ?? "";
  if (whole && /^[A-Z]{3}$/.test(currency)) {
    const places = new Intl.NumberFormat("en-GB", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    if (places === 2) target.value = `${whole}.${part.padEnd(2, "0")}`;
  }
});
