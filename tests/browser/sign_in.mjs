// Signing in, being kept out, and what an organisation sees of another one.

import { ask, assert, assertSilent, eventually, open, run, signIn, stage } from './lib.mjs';

run(async (browser) => {
  const { context, page, noise } = await open(browser);
  await page.goto('/desk');
  assert(new URL(page.url()).pathname === '/sign-in', `a stranger is sent to the sign-in, not ${page.url()}`);

  const attempt = async (name, password) => {
    await page.goto('/sign-in');
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    return page.getByRole('alert').innerText();
  };
  const wrong = await attempt('ben@harbour', 'not the password');
  const unknown = await attempt('nobody@harbour', 'not the password');
  assert(wrong === unknown, `the words tell whether a name exists: "${wrong}", "${unknown}"`);
  assert((await page.getByLabel('Name').inputValue()) === 'nobody@harbour', 'the typed name is lost');
  for (let tries = 0; tries < 5; tries += 1) await attempt('ben@harbour', 'not the password');
  const locked = await attempt('ben@harbour', 'harbour-ben-demo');
  assert(/minutes/.test(locked), `six failures lock the name for a while: "${locked}"`);

  await signIn(page);
  await stage(page, 'ready');
  const cookie = (await context.cookies()).find(({ httpOnly }) => httpOnly);
  assert(cookie && cookie.sameSite === 'Lax', 'the session is in an HttpOnly, SameSite=Lax cookie');

  const { id } = await ask('call');
  await stage(page, 'secure');
  const other = await open(browser);
  await signIn(other.page, 'cleo@northwind', 'northwind-cleo-demo');
  await stage(other.page, 'ready');
  const foreign = await other.page.evaluate(async (call) => (await fetch(`/desk/screen?call=${call}`)).text(), id);
  assert(!foreign.includes(id), 'another organisation sees the call');

  const forged = await page.evaluate(async (call) => (await fetch(`/desk/${call}/hangup`, { method: 'POST' })).status, id);
  assert(forged === 403, `a post without the token is answered ${forged}`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/sign-in/);
  await page.goto('/desk');
  assert(new URL(page.url()).pathname === '/sign-in', 'the session is over');
  await eventually('silence', async () => true);
  // A refused post, and the 422 of a wrong password, are told to the console by the browser itself.
  assertSilent([...noise, ...other.noise], ['403', '422', '401', '429']);
  return {};
});
