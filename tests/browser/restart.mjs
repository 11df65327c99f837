// The server is killed in the middle of a card and comes back: the screen never claims a line that it cannot see.

import { CARD, ask, assert, assertSilent, collect, eventually, open, picture, run, signIn, stage } from './lib.mjs';

run(async (browser) => {
  const { page, noise } = await open(browser);
  await signIn(page);
  await ask('call');
  await collect(page, 'INV-CUT-1', '12.00');
  await ask('press', { keys: CARD.pan.slice(0, 8) });
  await eventually('eight digits', async () => (await page.getByText('8 digits keyed').count()) > 0);

  await ask('cut_power');
  const cut = Date.now();
  await eventually('the warning', () => page.getByText('LINE NOT SECURE').first().isVisible(), 3_000);
  const warned_ms = Date.now() - cut;
  await picture(page, 'not-live-light');

  await ask('start_again');
  await eventually('the truth about the call', () => page.getByText(/service restarted/).first().isVisible());
  assert(!(await page.getByText('LINE NOT SECURE').first().isVisible()), 'the warning stays though the screen is live');
  await picture(page, 'restarted-light');

  // The desk goes on: the next call is taken as if nothing had been.
  await ask('call');
  await stage(page, 'secure');
  // Refused connections while the server was away are told to the console by the browser itself.
  assertSilent(noise, ['ERR_CONNECTION_REFUSED', 'ERR_INCOMPLETE_CHUNKED_ENCODING', 'ERR_CONNECTION_RESET', 'ERR_EMPTY_RESPONSE']);
  return { warned_ms };
});
