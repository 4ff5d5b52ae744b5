// Freshdesk does not tell an app that the customer has written. So the open Canvas is looked at every few seconds: it
// costs serve a 304 from memory, and only news wakes the sidebar up. Nobody looks for a page that nobody sees.

const EVERY_MS = 3000;

/**
 * Look for news of what `open()` names (`{ticketId, etag}`, or null where nothing rests on the page); `news()` hears of
 * them. Returns what ends it. Where serve can be reached by the platform alone, nobody looks: its calls are counted.
 */
export function lookForNews({ api, open, news, everyMs = EVERY_MS }) {
  const lookout = new Lookout({ api, open, news });
  const timer = setInterval(() => lookout.look(), everyMs);
  return () => clearInterval(timer);
}

class Lookout {
  #api;
  #open;
  #news;
  #looking = false;
  /** The Canvas whose staleness was told: one that stays stale (a model is down) is the sidebar's business. */
  #told = "";
  /** The ticket that only the platform could answer for. */
  #deaf = null;

  constructor({ api, open, news }) {
    this.#api = api;
    this.#open = open;
    this.#news = news;
  }

  async look() {
    const asked = this.#wanted();
    if (!asked) return;
    this.#looking = true;
    // Trouble is met by the sidebar itself as soon as it is asked for something.
    const answer = await this.#api.init(asked.ticketId, { etag: asked.etag, stream: false }).catch(() => null);
    this.#looking = false;
    if (answer && this.#open()?.ticketId === asked.ticketId) this.#heard(answer, asked);
  }

  #wanted() {
    const asked = this.#looking || document.hidden || this.#api.blocked ? null : this.#open();
    return asked?.ticketId === this.#deaf ? null : asked;
  }

  #heard({ kind, stale }, { ticketId, etag }) {
    if (this.#api.blocked) this.#deaf = ticketId;
    const name = `${ticketId} ${etag}`;
    if (kind === "unchanged" && (!stale || this.#told === name)) return;
    this.#told = name;
    this.#news();
  }
}
