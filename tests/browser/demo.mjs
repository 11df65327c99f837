// The demo from its address to the receipt in its mailbox, as a stranger would click it.

import { assert, assertSilent, axe, eventually, open, picture, primary, run, signIn, stage, stageOf } from './lib.mjs';

run(async (browser) => {
  const { page, noise } = await open(browser);
  await page.goto('/');
  await page.getByText('harbour-ada-demo').waitFor();
  await picture(page, 'sign-in-light');
  await signIn(page);
  await stage(page, 'ready');
  await page.getByRole('button', { name: 'Place a call' }).click();
  await stage(page, 'secure');
  await page.getByRole('button', { name: /^Use INV-/ }).first().click();
  await page.keyboard.press('Control+Enter');
  await stage(page, 'pan');

  // The simulated customer keys by itself, at a human pace.
  await eventually('the card', async () => ['address', 'review'].includes(await stageOf(page)), 60_000);
  if ((await stageOf(page)) === 'address') await primary(page, 'address');
  await primary(page, 'review');
  await stage(page, 'approved');
  await eventually('the customer\u2019s address from the CRM', async () => (await page.getByLabel(/e-mail address/).inputValue()).includes('@'));
  await page.getByLabel(/e-mail address/).press('Enter');
  await page.getByText(/^Sent/).first().waitFor();

  const violations = [];
  const check = async (name) => {
    violations.push(...(await axe(page)).map((words) => `${name}: ${words}`));
    await picture(page, name);
  };
  await page.goto('/dev/mail');
  await check('mailbox-light');
  await page.locator('main').getByRole('link', { name: /Harbour Home Insurance/ }).first().click();
  const letter = page.frameLocator('iframe').first();
  await letter.getByText(/HARBOUR HOME INS/).first().waitFor();
  await check('mail-light');
  await page.goto('/styleguide');
  await check('styleguide-light');
  assert(violations.length === 0, `axe:\n${violations.join('\n')}`);
  assertSilent(noise);
  return {};
});
