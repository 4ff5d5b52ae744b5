// Freshdesk does not tell an app that the customer has written. So the open Canvas is looked at every few seconds: it
// costs serve a 304 from memory, and only news wakes the sidebar up; that the ticket may not be seen any more is news,
// too. Nobody looks for a page that nobody sees, nor by the platform, whose calls are counted.

const EVERY_MS = 3000;
/** After failures in a row the pauses double, up to so many times `EVERY_MS`. */
const LONGEST = 20;

/**
 * Look for news of what `open()` names (`{ticketId, etag}`, or null where nothing rests on the page); `news()` hears of
 * them. Returns what ends it.
 */
export function lookForNews({ api, open, news, everyMs = EVERY_MS }) {
  const lookout = new Lookout({ api, open, news, everyMs });
  const timer = setInterval(() => lookout.look(), everyMs);
  return () => clearInterval(timer);
}

class Lookout {
  #api;
  #open;
  #news;
  #everyMs;
  #looking = false;
  #failures = 0;
  #notBefore = 0;
  /** What was told already: a Canvas that stays stale (a model is down), or a refusal, is the sidebar's business. */
  #told = "";

  constructor({ api, open, news, everyMs }) {
    this.#api = api;
    this.#open = open;
    this.#news = news;
    this.#everyMs = everyMs;
  }

  async look() {
    const asked = this.#wanted();
    if (!asked) return;
    this.#looking = true;
    try {
      const answer = await this.#api.init(asked.ticketId, { etag: asked.etag, stream: false, byPlatform: false });
      this.#failures = 0;
      if (answer.kind !== "unchanged") this.#tell(asked);
      else if (answer.stale) this.#tell(asked, "stale");
    } catch (error) {
      this.#failed(error, asked);
    } finally {
      this.#looking = false;
    }
  }

  #wanted() {
    const idle = this.#looking || document.hidden || this.#api.blocked || Date.now() < this.#notBefore;
    return idle ? null : this.#open();
  }

  /** What may pass is met by the sidebar itself as soon as it is asked for something. */
  #failed(error, asked) {
    if (error.transient === false) return this.#tell(asked, error.code);
    this.#failures += 1;
    const pause = this.#everyMs * Math.min(LONGEST, 2 ** this.#failures);
    this.#notBefore = Date.now() + Math.max(pause, error.retryAfterMs ?? 0);
  }

  /** Tell, unless another ticket is open by now, or just this was told; `what` is "" for news that are new each time. */
  #tell({ ticketId, etag }, what = "") {
    const name = what && `${ticketId} ${etag} ${what}`;
    if (this.#open()?.ticketId !== ticketId || (what && this.#told === name)) return;
    this.#told = name;
    this.#news();
  }
}
