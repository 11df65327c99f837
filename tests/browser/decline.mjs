// A decline, every other way to pay, and the outcome that nobody knows.

import { CARD, ask, assert, assertSilent, collect, eventually, keyCard, open, picture, primary, run, signIn, stage, stageOf } from './lib.mjs';

const NO_REASON = { pan: '4000000000000002', expiry: '1230', cvc: '907' };
const STOLEN = { pan: '4000000000009979', expiry: '1230', cvc: '907' };
const WRONG_CODE = { pan: '4000000000000127', expiry: '1230', cvc: '907' };

run(async (browser) => {
  const { page, noise } = await open(browser);
  await signIn(page);

  const take = async () => {
    await primary(page, 'review');
  };
  const declined = async (account, card, amount) => {
    await ask('call');
    await collect(page, account, amount);
    await keyCard(page, card);
    await take();
    await stage(page, 'declined');
  };
  const end = async () => {
    await ask('hang_up');
    await eventually('the desk to be free', async () => {
      if ((await stageOf(page)) === 'ready') return true;
      const finish = page.getByRole('button', { name: /^(finish|wrap up)/i }).first();
      if (await finish.isVisible()) await finish.click();
      await page.waitForTimeout(300);
      return false;
    });
  };
  const words = async () => (await page.locator('.outcome').innerText()).replace(/\s+/g, ' ');

  // One call: no reason, then a wrong code keyed again, then another card that is good. One chain, one charge.
  await declined('INV-CHAIN', NO_REASON, '18.40');
  const plain = await words();
  assert(/nothing has been taken/i.test(plain), `a decline says whether money moved: "${plain}"`);
  await picture(page, 'declined-light');
  assert(!(await page.getByRole('button', { name: /finish|wrap up|done/i }).first().isVisible().catch(() => false)), 'a declined call can be finished without a choice');
  await page.locator('.offers').getByRole('button', { name: /another card/i }).click();
  await keyCard(page, WRONG_CODE);
  await take();
  await stage(page, 'declined');
  await page.locator('.offers').getByRole('button', { name: /security code/i }).click();
  await stage(page, 'cvc');
  await ask('press', { keys: '908*' });
  await take();
  await stage(page, 'declined');
  await page.locator('.offers').getByRole('button', { name: /another card/i }).click();
  await keyCard(page, CARD);
  await take();
  await stage(page, 'approved');
  await page.getByText('5262').first().waitFor();
  await end();

  // A stolen card looks like any other decline, to the letter.
  await declined('INV-QUIET', STOLEN, '18.40');
  const stolen = await words();
  const same = (text) => text.replace(/INV-\w+|at_\w+|ending \d{4}/g, '');
  assert(same(stolen) === same(plain), `a stolen card is told apart: "${stolen}" and "${plain}"`);
  assert(!(await page.content()).match(/stolen|fraud|pickup/i), 'the page knows more than the agent may');
  await page.getByLabel(/note/i).fill('Card number 4111 1111 1111 1111');
  await page.getByRole('button', { name: /pay link/i }).click();
  await eventually('the refusal of a card number in a note', async () => (await page.getByText(/looks like a card number/).count()) > 0);
  await page.getByLabel(/note/i).fill('Sent to her phone');
  await page.getByRole('button', { name: /pay link/i }).click();
  await page.getByText('Sent to her phone').first().waitFor();
  await picture(page, 'choice-light');
  await end();

  for (const [account, name] of [['INV-BANK', /bank transfer/i], ['INV-LATER', /later/i]]) {
    await declined(account, NO_REASON, '18.40');
    await page.getByRole('button', { name }).click();
    await page.locator('.notice', { hasText: name }).first().waitFor();
    await end();
  }

  // A call that ends on a decline stays on the screen until the agent has chosen.
  await declined('INV-LEFT', NO_REASON, '18.40');
  await ask('hang_up');
  await eventually('the end of the call', async () => (await page.locator('.line').first().innerText()).toLowerCase().includes('ended'));
  assert((await stageOf(page)) !== 'ready', 'the declined call is gone from the screen without a choice');
  await page.getByRole('button', { name: /later/i }).click();
  await page.locator('.notice', { hasText: /later/i }).first().waitFor();
  await primary(page, await stageOf(page));
  await stage(page, 'ready');

  // Nobody knows: nothing on the screen takes it again, and it resolves by itself.
  await ask('call');
  await collect(page, 'INV-UNKNOWN', '44.00');
  await keyCard(page, CARD);
  await ask('silence_gateway');
  await take();
  await stage(page, 'unknown', 60_000);
  await picture(page, 'unknown-light');
  assert(/don.t take it again/i.test(await words()), `unknown: "${await words()}"`);
  assert(!(await page.locator('.desk-work').getByRole('button', { name: /another card|again|security code/i }).first().isVisible().catch(() => false)), 'an unknown payment can be taken again');
  await stage(page, 'approved', 60_000);
  await end();

  // The refused note is answered 422, which the browser tells the console by itself.
  assertSilent(noise, ['422']);
  return {};
});
