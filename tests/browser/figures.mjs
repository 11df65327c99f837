// What tests/figures screen measures in a browser: from a key at the customer's socket to the frame that a client reads,
// from the server to the page, and what the wire and the page hold. Each nought has its control from the same run.

import { CARD, Witness, ask, assert, collect, digitHits, eventually, keyCard, open, primary, run, signIn, stage } from './lib.mjs';

const CALLS = Number(process.env.TONEWALL_FIGURES_CALLS ?? 1);
const FIELDS = [CARD.pan, CARD.expiry, CARD.cvc];

const p95 = (values) => [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1];
const count = (words) => Number.parseInt(words, 10) || 0;
const reports = async () => {
  const text = await (await fetch(process.env.TONEWALL_METRICS)).text();
  const line = text.split('\n').find((row) => row.startsWith('tonewall_csp_reports_total'));
  assert(line, 'the metric of reports is missing');
  return Number(line.split(' ').pop());
};

run(async (browser) => {
  const { context, page, noise } = await open(browser);
  const witness = new Witness();
  await signIn(page);
  await witness.follow(context);
  const key_to_event = [];
  const server_to_dom = [];
  let receipt_sent = true;

  for (let call = 0; call < CALLS; call += 1) {
    const { id } = await ask('call');
    await collect(page, `INV-F-${call}`, '12.50');
    await page.evaluate(() => {
      window.changes = [];
      const shown = () => [...document.querySelectorAll('li[data-name]')].map((row) => row.innerText).join(' | ');
      new MutationObserver(() => window.changes.push([performance.timeOrigin + performance.now(), shown()])).observe(
        document.querySelector('.desk-work'),
        { subtree: true, childList: true, characterData: true, attributes: true },
      );
    });
    await keyCard(page, CARD);
    await stage(page, 'review');
    await witness.look(page);

    // Every digit has a frame that first counts it; digits of the card are matched by field and count.
    const { ms } = await ask('onsets');
    const frames = witness.frames.filter(({ screen }) => screen.call?.id === id);
    const changes = await page.evaluate(() => window.changes);
    let key = ms.length - FIELDS.reduce((sum, digits) => sum + digits.length + 1, 0);
    FIELDS.forEach((digits, field) => {
      for (let digit = 1; digit <= digits.length; digit += 1, key += 1) {
        const frame = frames.find(({ screen }) => count(screen.fields[field]?.spoken) >= digit && screen.fields[field].state === 'keying');
        if (!frame || !ms[key]) continue;
        key_to_event.push(frame.arrived - ms[key]);
        const change = changes.find(([at, text]) => at >= frame.sent - 1 && text.includes(`${count(frame.screen.fields[field].spoken)} digit`));
        if (change) server_to_dom.push(change[0] - frame.sent);
      }
      key += 1;
    });

    await primary(page, 'review');
    await stage(page, 'approved');
    const to = `figures.${call}@example.org`;
    await page.getByLabel(/e-mail address/).fill(to);
    await page.getByLabel(/e-mail address/).press('Enter');
    receipt_sent &&= Boolean((await ask('mail', { to })).subject);
    await page.getByText(/^Sent/).first().waitFor();
    await witness.look(page);
    await ask('hang_up');
    await primary(page, 'approved');
    await stage(page, 'ready');
  }

  const wire_digit_hits = digitHits(witness.text, CARD).length;
  const csp = await reports();
  const loud = noise.length;
  // The controls: the number on the page, seen by the same look; a style that the policy refuses, reported by the browser.
  await page.evaluate(({ pan, cvc }) => {
    const planted = document.createElement('p');
    planted.textContent = `${pan} ${cvc}`;
    document.body.append(planted);
    planted.setAttribute('style', 'color: red');
  }, CARD);
  await witness.look(page);
  const wire_control_hits = digitHits(witness.text, CARD).length - wire_digit_hits;
  const csp_control_reports = await eventually('the report of the planted style', async () => (await reports()) - csp);
  witness.close();

  assert(key_to_event.length >= CALLS * 20 && server_to_dom.length >= CALLS * 20, `too few keys were matched: ${key_to_event.length}, ${server_to_dom.length}`);
  return {
    keys: key_to_event.length,
    key_to_event_ms_p95: p95(key_to_event),
    server_to_dom_ms_p95: p95(server_to_dom),
    csp_reports: csp_control_reports > 0 ? csp + loud : null,
    csp_control_reports,
    wire_digit_hits: wire_control_hits > 0 ? wire_digit_hits : null,
    wire_control_hits,
    receipt_sent,
  };
});
