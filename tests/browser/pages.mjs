// Every page in light and dark, narrow and wide: axe, silence, no scrolling sideways.

import { CARD, ask, assert, assertSilent, axe, collect, eventually, keyCard, open, picture, primary, run, signIn, stage } from './lib.mjs';

const LOOKS = [
  { dark: false, width: 1280 },
  { dark: true, width: 1280 },
  { dark: false, width: 390 },
  { dark: true, width: 390 },
];

run(async (browser) => {
  let axe_pages = 0;
  const violations = [];
  const noises = [];

  const check = async (page, name) => {
    violations.push(...(await axe(page)).map((words) => `${name}: ${words}`));
    axe_pages += 1;
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert(sideways <= 0, `${name} scrolls sideways by ${sideways} px`);
    await picture(page, name);
  };
  const label = (name, { dark, width }) => `${name}-${dark ? 'dark' : 'light'}-${width}`;

  // Four browsers of the same agent look at the same call.
  const desks = [];
  for (const look of LOOKS) {
    const desk = { look, ...(await open(browser, look)) };
    await desk.page.goto('/sign-in');
    await check(desk.page, label('sign_in', look));
    await signIn(desk.page);
    await stage(desk.page, 'ready');
    noises.push(desk.noise);
    desks.push(desk);
  }
  const all = async (name) => {
    for (const { page, look } of desks) {
      await stage(page, name);
      await check(page, label(name, look));
    }
  };
  const hand = desks[0].page;

  await all('ready');
  await ask('call');
  await all('secure');
  await collect(hand, 'INV-LOOK', '1234.50');
  await all('pan');
  await ask('press', { keys: `${CARD.pan.slice(0, 15)}3*` });
  await eventually('a number that did not come through', async () => (await hand.getByText(/Try again/).count()) > 0);
  for (const { page, look } of desks) await check(page, label('pan-again', look));
  await keyCard(hand, CARD);
  await all('review');
  await primary(hand, 'review');
  await all('approved');
  await hand.getByText('Set up a recurring payment').first().click();
  await check(hand, label('agreement', LOOKS[0]));
  await ask('hang_up');

  await hand.goto('/desk');
  for (const { page, look } of desks) {
    for (const path of ['/receipts/preview', '/nowhere']) {
      await page.goto(path);
      await check(page, label(path.slice(1).replace('/', '-'), look));
    }
  }
  // The control: a picture without words for it has to be found by the same look.
  const before = violations.length;
  await hand.evaluate(() => document.querySelector('main').append(document.createElement('img')));
  await check(hand, 'control');
  const axe_control_violations = violations.splice(before).length;
  axe_pages -= 1;

  // A page that is not there is told to the console by the browser itself.
  for (const noise of noises) assertSilent(noise, ['404']);
  for (const line of violations) process.stdout.write(`axe: ${line}\n`);
  return { axe_pages, axe_violations: violations.length, axe_control_violations };
});
