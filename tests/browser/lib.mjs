// What every browser test starts from: chromium, the orchestrator's hands, and a witness who writes down
// everything that a browser could have seen.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

/** Longest wait for anything that a test waits for, in ms. */
export const PATIENCE = 20_000;

/** Address of the server under test. */
export const BASE = process.env.TONEWALL_BASE;

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/**
 * Has the orchestrator (tests/browser.rs) do something that no browser can: place a call, press keys, cut the power.
 * @param {string} action
 * @param {object} [details]
 * @returns {Promise<any>} what it answers; its refusal is thrown
 */
export async function ask(action, details = {}) {
  process.stdout.write(`ask ${JSON.stringify({ do: action, ...details })}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`nobody answers "${action}"`);
  const answer = JSON.parse(value);
  if (answer.error) throw new Error(`${action}: ${answer.error}`);
  return answer;
}

/** Fails with words. */
export function assert(fact, words) {
  if (!fact) throw new Error(words);
}

/** Waits until `fact` is true; the deadline fails with `words`. */
export async function eventually(words, fact, within = PATIENCE) {
  const until = Date.now() + within;
  let last;
  while (Date.now() < until) {
    try {
      const value = await fact();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`waited in vain for ${words}${last ? `: ${last.message}` : ''}`);
}

/**
 * Runs a test in a browser of its own and tells the orchestrator how it went.
 * @param {(browser: import('playwright-core').Browser) => Promise<object>} test
 */
export async function run(test) {
  const profile = await mkdtemp(join(tmpdir(), 'tonewall-browser-'));
  const browser = await chromium.launch({
    executablePath: process.env.TONEWALL_TEST_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--crash-dumps-dir=${profile}`,
    ],
  });
  let failed;
  try {
    const told = await test(browser);
    process.stdout.write(`done ${JSON.stringify(told ?? {})}\n`);
  } catch (error) {
    failed = error;
    process.stderr.write(`${error.stack}\n`);
    // What the agent saw when it went wrong.
    for (const [index, page] of browser.contexts().flatMap((context) => context.pages()).entries()) {
      const words = await page.locator('body').innerText().catch(() => 'gone');
      process.stderr.write(`page ${index}, ${page.url()}:\n${words.replace(/\s*\n\s*/g, ' | ')}\n`);
    }
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
  process.exit(failed ? 1 : 0);
}

/**
 * A page with the settings of a test, whose console and refusals of the content security policy are kept.
 * @param {import('playwright-core').Browser} browser
 * @param {{dark?: boolean, width?: number, height?: number}} [look]
 */
export async function open(browser, { dark = false, width = 1280, height = 900 } = {}) {
  const context = await browser.newContext({
    baseURL: BASE,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const noise = [];
  listen(page, noise);
  context.on('page', (other) => listen(other, noise));
  return { context, page, noise };
}

function listen(page, noise) {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) noise.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => noise.push(`error: ${error.message}`));
}

/** Signs in with the keyboard alone. */
export async function signIn(page, name = 'ada@harbour', password = 'harbour-ada-demo') {
  await page.goto('/sign-in');
  await page.getByLabel('Name').focus();
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.getByLabel('Password', { exact: true }).focus();
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/desk');
}

/**
 * What axe-core finds on a page, or within parts of it, in words.
 * @param {import('playwright-core').Page} page
 * @param {string | string[][]} [parts] selectors
 */
export async function axe(page, parts = 'html') {
  await page.evaluate(AXE);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const found = await page.evaluate(([within, values]) => window.axe.run(within, { runOnly: { type: 'tag', values } }), [parts, tags]);
  return found.violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target).join(' ')}`);
}

/** Keeps a picture for docs/, where the orchestrator wants them. */
export async function picture(page, name) {
  const folder = process.env.TONEWALL_TEST_PICTURES;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Milliseconds since 1970 of an RFC 3339 time with more decimals than Date reads. */
function exact(time) {
  const [, whole, fraction] = time.match(/^(.*?)(\.\d+)?Z$/);
  return Date.parse(`${whole}Z`) + Number(`0${fraction ?? ''}`) * 1_000;
}

/**
 * Everything that the server sent this session on a stream of its own, and everything that the page
 * holds: markup, form values, storage. Looked through at the end for digits.
 */
export class Witness {
  #seen = [];
  #request;
  #rest = '';
  /** Screens of the stream: when the server sent them and when they were read, in ms since 1970. */
  frames = [];

  /** Follows the screen's event stream with the page's own cookie. */
  async follow(context) {
    const cookies = await context.cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    await new Promise((connected, failed) => {
      this.#request = get(`${BASE}/desk/events`, { headers: { cookie } }, (response) => {
        response.setEncoding('utf8');
        response.on('data', (text) => this.#read(text));
        response.once('data', connected);
        response.on('error', () => {});
      });
      this.#request.on('error', failed);
    });
  }

  #read(text) {
    const arrived = performance.timeOrigin + performance.now();
    this.#seen.push(text);
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const [, sent] = block.match(/^: sent (.*)$/m) ?? [];
      const [, data] = block.match(/^data: (.*)$/m) ?? [];
      if (block.includes('event: screen')) this.frames.push({ arrived, sent: exact(sent), screen: JSON.parse(data) });
    }
  }

  /** Adds what the page holds now. */
  async look(page) {
    this.#seen.push(
      await page.evaluate(() => {
        const values = [...document.querySelectorAll('input, textarea, select')].map((field) => field.value);
        const stores = [localStorage, sessionStorage].map((store) => JSON.stringify({ ...store }));
        return [document.documentElement.outerHTML, ...values, ...stores, document.title, location.href].join('\n');
      }),
    );
  }

  close() {
    this.#request?.destroy();
  }

  /** How much was seen, in characters. */
  get length() {
    return this.#seen.reduce((sum, text) => sum + text.length, 0);
  }

  /** Everything, in the order in which it was seen. */
  get text() {
    return this.#seen.join('\n');
  }
}

/**
 * Places where card data shows in a text: any six digits in a row of the number but its last four (blanks, hyphens and
 * tags between them ignored), and the number's middle. A code is too short to be told from other figures: it is looked
 * for by itself between word boundaries.
 * @param {string} text
 * @param {{pan: string, cvc: string}} card
 */
export function digitHits(text, { pan, cvc }) {
  const bare = text.replace(/<[^>]*>/g, '').replace(/(?<=\d)[ \u00a0\-.](?=\d)/g, '');
  const hits = [];
  for (let from = 0; from + 6 <= pan.length; from += 1) {
    const part = pan.slice(from, from + 6);
    // Noughts in a row are in every colour and time: a part has to have something of its own.
    if (new Set(part).size >= 3 && bare.includes(part)) hits.push(part.replace(/./g, '•'));
  }
  if (new RegExp(`(?<![0-9a-z_])${cvc}(?![0-9a-z_])`, 'i').test(text)) hits.push('code');
  return hits;
}

/** The demo card of most tests: it has few digits in a row that could mean something else. */
export const CARD = { pan: '4263970000005262', expiry: '1230', cvc: '907' };

/** Waits until the screen is at a stage. */
export async function stage(page, name, within = PATIENCE) {
  await eventually(`stage "${name}"`, async () => (await stageOf(page)) === name, within);
}

/** The stage that the screen is at. */
export async function stageOf(page) {
  return page.locator('.desk').getAttribute('data-stage');
}

/** Moves the focus with Tab, as a hand without a mouse has to, until it is on `target`. */
export async function tabTo(page, target) {
  for (let presses = 0; presses < 80; presses += 1) {
    if (await target.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no number of Tab presses leads to ${target}`);
}

/**
 * Presses the key of the primary button until the screen has left the stage: the product lets a second of quiet pass
 * between two that cannot be undone.
 */
export async function primary(page, from) {
  await stage(page, from);
  await eventually(`the end of "${from}"`, async () => {
    await page.keyboard.press('Control+Enter');
    await page.waitForTimeout(300);
    return (await stageOf(page)) !== from;
  });
}

/** Keys a card, field by field, as a customer does when the agent asks. */
export async function keyCard(page, { pan, expiry, cvc } = CARD) {
  await stage(page, 'pan');
  await ask('press', { keys: `${pan}*` });
  await stage(page, 'expiry');
  await ask('press', { keys: `${expiry}*` });
  await stage(page, 'cvc');
  await ask('press', { keys: `${cvc}*` });
}

/** Opens a payment for an account typed by hand, and gives the address of the card. */
export async function collect(page, account, amount, { house = '12', postcode = 'TD15 9EN' } = {}) {
  await stage(page, 'secure');
  await page.getByLabel('Account or invoice').fill(account);
  await page.getByLabel('Amount').fill(amount);
  await primary(page, 'secure');
  await stage(page, 'pan');
  await page.getByLabel('House number').fill(house);
  await page.getByLabel('Postcode').fill(postcode);
  await page.keyboard.press('Enter');
}

/** Nothing may be said on the console but what a scenario knows to be the browser's own words. */
export function assertSilent(noise, known = []) {
  const loud = noise.filter((line) => !known.some((words) => line.includes(words)));
  assert(loud.length === 0, `the console is not silent:\n${loud.join('\n')}`);
}

/** The witness saw nothing of the card, and would have: the same look at a text with the card in it finds it. */
export function assertClean(witness, card = CARD) {
  assert(witness.length > 10_000, 'the witness saw next to nothing');
  const hits = digitHits(witness.text, card);
  assert(hits.length === 0, `card data reached the browser: ${hits}`);
  const canary = digitHits(`${witness.text}\n<b>${card.pan.replace(/(.{4})/g, '$1 ')}</b> ${card.cvc}`, card);
  assert(canary.length > 1, 'the look does not find a planted card');
}
