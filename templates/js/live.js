// The stream: a snapshot first, then every change; a beat each second that says whether the line is secured.
// Without a beat for 2 s nothing on screen may be believed, and the page says so.

const LOST_AFTER_MS = 2000;
const POLL_MS = 2000;
/** A poll comes every 2 s, so that the last one may be a little older. */
const LOST_POLLING_MS = 2700;
const CHECK_MS = 200;
/** EventSource gives up for good after an HTTP error; so do we not. */
const REOPEN_MS = 1000;
/** An open stream that has gone dumb, or whose screens cannot be shown, is opened anew. */
const DUMB_MS = 5000;

/**
 * @param {{call: () => string, screen: (screen: any) => void, state: (state: "live"|"slow"|"lost") => void, heard: () => void, away: () => void}} to
 */
export function follow(to) {
  /** @type {EventSource | undefined} */
  let source;
  let seq = -1;
  let secured = false;
  /** The line is not secured any more, and no screen has said so yet. */
  let doubted = false;
  let streaming = false;
  let polling = false;
  let reopening = 0;
  let seen = Date.now();
  let beaten = seen;
  let polled = 0;
  let opened = 0;

  const query = () => (to.call() ? `?call=${encodeURIComponent(to.call())}` : "");

  const take = (/** @type {any} */ screen) => {
    to.screen(screen);
    // Only now: what could not be shown was not seen, and a beat must not keep the old words alive.
    seq = screen.seq;
    secured = ["secured", "unclear"].includes(screen.line.state);
    doubted = false;
  };

  const alive = (fromStream = true) => {
    seen = Date.now();
    if (fromStream) beaten = seen;
    check();
  };

  function open() {
    clearTimeout(reopening);
    source?.close();
    opened = Date.now();
    let first = true;
    const mine = (source = new EventSource(`/desk/events${query()}`));
    mine.addEventListener("screen", (event) => {
      const screen = JSON.parse(event.data);
      streaming = true;
      if (first || screen.seq > seq) take(screen);
      first = false;
      alive();
    });
    mine.addEventListener("beat", (event) => {
      const beat = JSON.parse(event.data);
      const amiss = beat.seq !== seq || doubted;
      if (secured && !beat.secured) doubted = true;
      if (amiss && Date.now() - opened > REOPEN_MS) open();
      if (amiss || doubted) return check();
      streaming = true;
      to.heard();
      alive();
    });
    mine.addEventListener("bye", () => {
      mine.close();
      to.away();
    });
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      streaming = false;
      first = true;
      poll();
      if (mine.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    });
  }

  async function poll() {
    if (polling || Date.now() - polled < POLL_MS / 4) return;
    polling = true;
    polled = Date.now();
    try {
      const answer = await fetch(`/desk/screen${query()}`, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(POLL_MS - 200) });
      if (answer.type === "opaqueredirect" || answer.status === 401) return to.away();
      if (!answer.ok) return;
      const screen = await answer.json();
      if (streaming) return;
      take(screen);
      alive(false);
    } catch {
      // Not reached: the age of what was seen last tells.
    } finally {
      polling = false;
    }
  }

  function check() {
    const now = Date.now();
    const slow = now - beaten > LOST_AFTER_MS;
    const lost = doubted || now - seen > (seen > beaten ? LOST_POLLING_MS : LOST_AFTER_MS);
    to.state(lost ? "lost" : slow ? "slow" : "live");
    if (!slow) return;
    streaming = false;
    if (now - polled >= POLL_MS) poll();
    if (now - Math.max(beaten, opened) > DUMB_MS) open();
  }

  setInterval(check, CHECK_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) check();
  });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();

  return {
    /** Another call is on screen. */
    reopen: open,
    /** The answer to something that was done here. @param {any} screen */
    answer(screen) {
      if (screen.seq >= seq || !streaming) take(screen);
    },
  };
}
