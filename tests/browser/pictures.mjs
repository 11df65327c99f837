// Every state of the style guide, light and dark: axe looks at it, and `tests/pictures` keeps pictures in docs/screens.

import { assert, axe, open, run, signIn } from './lib.mjs';
import { join } from 'node:path';

const NAMES =
  'open unclear unclear_field leaked leaked_secure leaked_review closed slow_keys secure_pbx secure_several duplicate pan_waiting pan_keying pan_again pan_not_taken expiry cvc ending address review ' +
  'processing approved receipt_sent receipt_waits agreement declined declined_code declined_chosen unknown held ' +
  'failed_cards cancelled ended_declined cut_off crashed';

run(async (browser) => {
  const folder = process.env.TONEWALL_TEST_PICTURES;
  let taken = 0;
  for (const dark of [false, true]) {
    const { page } = await open(browser, { dark, width: 1280, height: 860 });
    await signIn(page);
    await page.goto('/styleguide');
    for (const name of NAMES.split(' ')) {
      const frame = page.locator(`[data-sample="${name}"]`);
      assert((await frame.count()) === 1, `the style guide lacks ${name}`);
      if (folder) await frame.screenshot({ path: join(folder, `${name}-${dark ? 'dark' : 'light'}.png`) });
      const found = await axe(page, `[data-sample="${name}"]`);
      assert(found.length === 0, `${name}, ${dark ? 'dark' : 'light'}: ${found}`);
      taken += 1;
    }
  }
  return { taken };
});
