// Pictures of every state for docs/screens, light and dark: `tests/pictures` writes them there.

import { assert, axe, open, run, signIn } from './lib.mjs';
import { join } from 'node:path';

const LINES = ['unclear_field', 'leaked', 'closed', 'slow_keys'];

const NAMES =
  'open secure_pbx secure_several duplicate pan_waiting pan_keying pan_again pan_not_taken expiry cvc ending address review ' +
  'processing approved receipt_sent receipt_waits agreement declined declined_code declined_chosen unknown held ' +
  'failed_cards cancelled ended_declined cut_off crashed';

run(async (browser) => {
  const folder = process.env.TONEWALL_TEST_PICTURES;
  let taken = 0;
  for (const dark of [false, true]) {
    const { page } = await open(browser, { dark, width: 1280, height: 860 });
    await signIn(page);
    await page.goto('/styleguide');
    for (const name of [...LINES, ...NAMES.split(' ')]) {
      const frame = page.locator(`[data-sample="${name}"]`);
      assert((await frame.count()) === 1, `the style guide lacks ${name}`);
      if (folder) await frame.screenshot({ path: join(folder, `${name}-${dark ? 'dark' : 'light'}.png`) });
      taken += 1;
    }
    // What no scenario brings about. The page is too long to look at all of it in a test's time.
    await page.evaluate((kept) => {
      for (const frame of document.querySelectorAll('[data-sample]')) if (!kept.includes(frame.dataset.sample)) frame.remove();
    }, LINES);
    const found = await axe(page, LINES.map((name) => [`[data-sample="${name}"]`]));
    assert(found.length === 0, `${dark ? 'dark' : 'light'}: ${found}`);
  }
  return { taken };
});
