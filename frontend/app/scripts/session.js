// The token with which the browser asks serve. It is minted elsewhere (`POST /session`, by whoever has the API key),
// renewed beside the work before it expires, once for however many ask at the same time, and dropped when refused.

/** A token is renewed when so little of its time is left. */
const SPARE_MS = 120_000;

/**
 * `mint()` resolves to `{token, expires_in (s), host, agent_id, admin}`. `storage` (such as `sessionStorage`) keeps the
 * token over a reload of the frame, under `name`, which says whose it is.
 */
export class Session {
  #mint;
  #storage;
  #name;
  #now;
  #held = null;
  #minting = null;

  constructor({ mint, storage = null, name = "pc-session", now = Date.now }) {
    this.#mint = mint;
    this.#storage = storage;
    this.#name = name;
    this.#now = now;
    this.#held = this.#read();
  }

  /** Headers that say who asks. `refused` says that the ones given last were not accepted. */
  async headers({ refused = false } = {}) {
    if (refused) this.drop();
    const left = this.#left();
    if (left <= 0) await this.#renew();
    // What fails now is tried again by the next one who asks, while the old token still holds.
    else if (left < SPARE_MS) this.#renew().catch(() => {});
    return { Authorization: `Bearer ${this.#held.token}` };
  }

  /** Whose token it is, as far as known: `{host, agent_id, admin}`. */
  get holder() {
    return this.#held;
  }

  /** Forget the token. */
  drop() {
    this.#held = null;
    attempt(() => this.#storage?.removeItem(this.#name));
  }

  #left() {
    return this.#held ? this.#held.until - this.#now() : 0;
  }

  #renew() {
    this.#minting ??= this.#take().finally(() => (this.#minting = null));
    return this.#minting;
  }

  async #take() {
    const { token, expires_in: seconds, host, agent_id, admin } = await this.#mint();
    this.#held = { token, until: this.#now() + seconds * 1000, host, agent_id, admin };
    attempt(() => this.#storage?.setItem(this.#name, JSON.stringify(this.#held)));
  }

  #read() {
    const held = attempt(() => JSON.parse(this.#storage?.getItem(this.#name) ?? "null"));
    return held && held.until > this.#now() ? held : null;
  }
}

/** Browsers may forbid storage, or have no room: then nothing is kept. */
function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
