// Puts a screen into the page: text and attributes of nodes that are there, never markup.
//
// data-text="line.words"                  text of the node
// data-show="a&b.c=x|y"  data-hide="a"     hidden or not; terms are joined by &, a leading ! denies
// data-attr="name:path; href:#i-{a.b}"     attributes; true gives "", false and null remove; name:path=x|y is "true" or gone
// data-value="order.account"              an input that is neither focused nor changed by hand
// data-untick="duplicate"                 a box that loses its tick when there is no such thing
// data-list="others" data-key="id"        rows (data-row) made from the inner template; `item` is the row's

/** Inputs that a person has changed and not yet sent. @type {WeakSet<Element>} */
export const dirty = new WeakSet();

/** @param {any} data @param {string} path */
const at = (data, path) => path.split(".").reduce((value, key) => value?.[key], data);

/** @param {any} value */
const full = (value) => (Array.isArray(value) ? value.length > 0 : Boolean(value));

/** @param {any} data @param {string} terms */
export function holds(data, terms) {
  return terms.split("&").every((term) => {
    const [path, values] = term.replace("!", "").split("=");
    const value = at(data, path);
    return (values === undefined ? full(value) : values.split("|").includes(value)) !== term.startsWith("!");
  });
}

/** @param {any} data @param {string} rule */
function attribute(data, rule) {
  if (rule.includes("{")) return rule.replace(/\{([\w.]+)\}/g, (_, path) => at(data, path) ?? "");
  if (rule.includes("=")) return holds(data, rule) ? "true" : null;
  return rule.startsWith("!") ? !holds(data, rule.slice(1)) : at(data, rule);
}

/** @param {Element} node @param {string} name @param {any} value */
function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return node.removeAttribute(name);
  const text = value === true ? (name.startsWith("aria-") ? "true" : "") : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** @param {any} node @param {any} data */
function one(node, data) {
  const rules = node.dataset;
  if (rules.text !== undefined) {
    const text = String(at(data, rules.text) ?? "");
    if (node.textContent !== text) node.textContent = text;
  }
  if (rules.show !== undefined) node.hidden = !holds(data, rules.show);
  if (rules.hide !== undefined) node.hidden = holds(data, rules.hide);
  for (const rule of rules.attr?.split(";") ?? []) {
    const colon = rule.indexOf(":");
    setAttribute(node, rule.slice(0, colon).trim(), attribute(data, rule.slice(colon + 1).trim()));
  }
  if (rules.untick && !holds(data, rules.untick)) node.checked = false;
  if (rules.value !== undefined) {
    const value = String(at(data, rules.value) ?? "");
    if (node.value === value) dirty.delete(node);
    else if (node !== document.activeElement && !dirty.has(node)) node.value = value;
  }
}

/** @param {any} list @param {any} data */
function rows(list, data) {
  const keys = list.dataset.key?.split(" ");
  const old = new Map([...list.children].filter((row) => row.dataset.row !== undefined).map((row) => [row.dataset.row, row]));
  let after = list.querySelector(":scope > template");
  const template = after.content;
  (at(data, list.dataset.list) ?? []).forEach((/** @type {any} */ item, /** @type {number} */ index) => {
    const key = keys ? keys.map((/** @type {string} */ name) => item[name]).join(" ") : String(index);
    const row = old.get(key) ?? template.firstElementChild.cloneNode(true);
    old.delete(key);
    row.dataset.row = key;
    apply(row, { ...data, item });
    if (after.nextElementSibling !== row && !row.contains(document.activeElement)) after.after(row);
    after = row;
  });
  for (const row of old.values()) row.remove();
}

const BOUND = "[data-text],[data-show],[data-hide],[data-attr],[data-value],[data-untick]";

/**
 * Applies data to everything bound in `root`. Focus that its node lost goes to the primary button; from an
 * input to the page, where the next letter or Enter presses nothing.
 * @param {any} root @param {any} data
 */
export function apply(root, data) {
  const focused = document.activeElement;
  for (const list of root.querySelectorAll("[data-list]")) rows(list, data);
  const home = root.closest("[data-row]");
  for (const node of [root, ...root.querySelectorAll(BOUND)]) {
    if (node.closest("[data-row]") === home && node.matches(BOUND)) one(node, data);
  }
  if (home || !focused || focused === document.body || focused.checkVisibility?.()) return;
  const typed = focused.matches("input, select, textarea");
  const next = /** @type {any} */ (typed ? null : document.querySelector("[data-primary]"));
  (next?.checkVisibility() ? next : document.querySelector("#main"))?.focus({ preventScroll: true });
}
