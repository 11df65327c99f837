// After an approval: a recurring authority with its real dates and its consent, and a receipt while the mail server is down.

import { ask, assert, assertSilent, collect, eventually, keyCard, open, picture, primary, run, signIn, stage } from './lib.mjs';

run(async (browser) => {
  const { page, noise } = await open(browser);
  await signIn(page);
  await ask('call');
  await collect(page, 'INV-CPA', '25.00');
  await keyCard(page);
  await primary(page, 'review');
  await stage(page, 'approved');

  await page.getByText('Set up a recurring payment').first().click();
  const panel = page.locator('.agreement');
  const start = new Date(Date.now() + 40 * 86_400_000).toISOString().slice(0, 8) + '28';
  await panel.getByLabel('First payment on').fill(start);
  await panel.locator('input[name=count]').fill('4');
  await panel.getByRole('button', { name: /show the dates/i }).click();
  await eventually('four dates', async () => (await panel.locator('.dates li').count()) === 4);
  const consent = await panel.locator('blockquote').innerText();
  for (const part of [/£25\.00/, /month/, /5262/, /cancel/i]) assert(part.test(consent), `the wording lacks ${part}: "${consent}"`);
  assert(!(await panel.getByRole('checkbox').isChecked()), 'the box is ticked beforehand');
  await picture(page, 'agreement-light');

  await panel.getByRole('button', { name: /set up the recurring payment/i }).click();
  await eventually('the refusal without consent', async () => (await panel.locator('.error:visible').count()) > 0);
  await panel.getByRole('checkbox').check();
  await panel.getByRole('button', { name: /set up the recurring payment/i }).click();
  await page.getByRole('region', { name: 'Recurring payment set up' }).waitFor();

  await ask('mail_down');
  const to = 'queued@example.org';
  await page.getByLabel(/e-mail address/).fill(to);
  await page.getByLabel(/e-mail address/).press('Enter');
  await eventually('the words about the queue', async () => /queued/i.test(await page.getByRole('region', { name: 'Receipt' }).innerText()));
  await picture(page, 'receipt-queued-light');
  await ask('mail_up');
  const mail = await ask('mail', { to });
  assert(/cancel/i.test(mail.text), 'the receipt does not say how to cancel');
  await page.getByText(/^Sent/).first().waitFor({ timeout: 60_000 });

  // Sent again, a second later, as what cannot be taken back needs: a second line in the list.
  await page.waitForTimeout(1_100);
  await page.getByLabel(/e-mail address/).fill(to);
  await page.getByLabel(/e-mail address/).press('Enter');
  await eventually('two sendings', async () => (await page.getByText(/^Sent/).count()) === 2);
  await ask('hang_up');
  // The refused agreement is answered 422, which the browser tells the console by itself.
  assertSilent(noise, ['422']);
  return {};
});
