// A whole payment without a mouse: sign-in, invoice, card, outcome, receipt, end.

import { CARD, Witness, ask, assert, assertClean, assertSilent, eventually, keyCard, open, picture, primary, run, signIn, stage, stageOf, tabTo } from './lib.mjs';

run(async (browser) => {
  const { context, page, noise } = await open(browser);
  const witness = new Witness();
  await signIn(page);
  await witness.follow(context);
  await stage(page, 'ready');
  await picture(page, 'desk-ready');

  await ask('call');
  await stage(page, 'secure');
  await page.getByText('Line secure', { exact: false }).first().waitFor();
  const use = page.getByRole('button', { name: /^Use INV-/ }).first();
  await use.waitFor();
  await picture(page, 'desk-secure');
  await tabTo(page, use);
  await page.keyboard.press('Enter');
  const account = await eventually('the account of the invoice', () => page.getByLabel('Account or invoice').inputValue());
  await page.keyboard.press('Control+Enter');

  await stage(page, 'pan');
  const focused = await page.evaluate(() => document.activeElement?.tagName);
  await ask('press', { keys: CARD.pan.slice(0, 10) });
  await eventually('ten dots', async () => (await page.getByText('10 digits keyed').count()) > 0);
  await witness.look(page);
  await picture(page, 'desk-pan');
  assert((await page.evaluate(() => document.activeElement?.tagName)) === focused, 'keys of the customer moved the focus');
  await ask('press', { keys: `${CARD.pan.slice(10)}*` });
  await stage(page, 'expiry');

  // A telephone that doubles its tones: the mode is chosen in the middle of a field, and left, without a mouse.
  const slow = page.getByRole('button', { name: 'Slow keys', exact: true });
  const pressed = (state) => eventually(`slow keys ${state}`, async () => (await slow.getAttribute('aria-pressed')) === String(state === 'on'));
  await pressed('off');
  await page.keyboard.press('Alt+Shift+S');
  await pressed('on');
  await page.getByText('counts once', { exact: false }).waitFor();
  await eventually('the announcement', async () => (await page.locator('[data-polite]').textContent()) === 'Slow keys on.');
  await tabTo(page, slow);
  await picture(page, 'desk-slow-keys');
  await page.keyboard.press('Enter');
  await pressed('off');
  assert((await page.getByText('counts once', { exact: false }).count()) === 0 || !(await page.getByText('counts once', { exact: false }).isVisible()), 'the words of slow keys stay');
  assert(await slow.evaluate((node) => node === document.activeElement), 'the button lost the focus');
  assert((await stageOf(page)) === 'expiry', 'slow keys changed the field');
  await eventually('the last four', async () => (await page.locator('body').innerText()).includes(CARD.pan.slice(-4)));
  await witness.look(page);
  await ask('press', { keys: `${CARD.expiry}*` });
  await stage(page, 'cvc');
  await ask('press', { keys: CARD.cvc.slice(0, 2) });
  await witness.look(page);
  await picture(page, 'desk-cvc');
  await ask('press', { keys: `${CARD.cvc.slice(2)}*` });

  // The address came with the invoice: one key confirms it, one takes the payment.
  await eventually('the address or the review', async () => ['address', 'review'].includes(await stageOf(page)));
  if ((await stageOf(page)) === 'address') await primary(page, 'address');
  await picture(page, 'desk-review');
  await primary(page, 'review');
  await stage(page, 'approved');
  await picture(page, 'desk-approved');
  await witness.look(page);

  await eventually('the focus on the e-mail address', () => page.evaluate(() => document.activeElement?.getAttribute('name') === 'email'));
  const to = 'pat.customer@example.org';
  await page.keyboard.press('Control+A');
  await page.keyboard.type(to);
  await page.keyboard.press('Enter');
  const mail = await ask('mail', { to });
  assert(mail.subject.includes('Harbour Home Insurance'), `subject: ${mail.subject}`);
  assert(mail.html.includes(account) && mail.text.includes(account), 'the receipt does not name the account');
  assert(mail.text.includes('5262') && !mail.text.includes('12/30'), 'the receipt shows the last four and no expiry');
  await page.getByText(/^Sent/).first().waitFor();
  await eventually('the payment at the CRM', async () => (await ask('paid_at_crm')).accounts.includes(account));
  await picture(page, 'desk-receipt');
  await witness.look(page);

  await primary(page, 'approved');
  await ask('hang_up');
  await stage(page, 'ready');
  await witness.look(page);
  witness.close();
  assertClean(witness);
  assertSilent(noise);
  return { seen: witness.length };
});
