// Reload and a hidden tab in the middle of a card number.

import { CARD, Witness, ask, assert, assertClean, assertSilent, collect, eventually, open, run, signIn, stage } from './lib.mjs';

run(async (browser) => {
  const { context, page, noise } = await open(browser);
  const witness = new Witness();
  await signIn(page);
  await witness.follow(context);
  await ask('call');
  await collect(page, 'INV-LIVE-1', '31.20');
  const keyed = (count) => eventually(`${count} digits`, async () => (await page.getByText(`${count} digits keyed`).count()) > 0);

  await ask('press', { keys: CARD.pan.slice(0, 6) });
  await keyed(6);
  await page.reload();
  await stage(page, 'pan');
  await keyed(6);
  await witness.look(page);

  const front = await context.newPage();
  await front.goto('/receipts/preview');
  await front.bringToFront();
  const hidden = await page.evaluate(() => document.visibilityState);
  await ask('press', { keys: CARD.pan.slice(6, 12) });
  // Read while the tab is behind another one: it keeps up, it does not catch up.
  await keyed(12);
  await front.close();
  await page.bringToFront();
  await ask('press', { keys: `${CARD.pan.slice(12)}*` });
  await stage(page, 'expiry');
  await witness.look(page);

  // Focus and what is being typed survive the customer's keys.
  await page.getByLabel('House number').fill('12');
  await page.getByLabel('House number').press('End');
  await page.keyboard.type('b');
  await ask('press', { keys: CARD.expiry.slice(0, 3) });
  await eventually('three digits', async () => (await page.getByText('3 digits keyed').count()) > 0);
  await page.keyboard.type('c');
  assert((await page.getByLabel('House number').inputValue()) === '12bc', 'typing was disturbed by a key of the customer');
  assert(await page.getByLabel('House number').evaluate((node) => node === document.activeElement), 'the focus was lost');
  await witness.look(page);

  // The customer hangs up: said at once, and nothing was taken.
  await ask('hang_up');
  await eventually('the end of the call', async () => ['ended', 'wrap_up', 'ready'].includes(await page.locator('.desk').getAttribute('data-stage')));
  witness.close();
  assertClean(witness);
  assertSilent(noise);
  return { hidden };
});
