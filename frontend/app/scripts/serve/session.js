// The token with which the browser asks serve. It is minted elsewhere (`POST /session`, by whoever has the API key),
// renewed beside the work before it expires, once for however many ask at the same time, and dropped when refused.
//
// It is held in memory alone: all apps of an account share one origin at Freshworks, and so the tab's storage.

/** A token is renewed when so little of its time is left. */
const SPARE_MS = 120_000;

/** `mint()` resolves to `{token, expires_in (s), host, agent_id, admin}`. */
export class Session {
  #mint;
  #now;
  #held = null;
  #minting = null;

  constructor({ mint, now = Date.now }) {
    this.#mint = mint;
    this.#now = now;
  }

  /** Headers that say who asks. `refused` are such as were not accepted: the token in them is not given again. */
  async headers({ refused = null } = {}) {
    // Who was refused last may hold an older token than the one that others have had renewed meanwhile.
    if (this.#held && refused?.Authorization === headersOf(this.#held).Authorization) this.#held = null;
    const held = this.#held;
    const left = held ? held.until - this.#now() : 0;
    if (left <= 0) return headersOf(await this.#renewed());
    // What fails now is tried again by the next one who asks, while the old token still holds.
    if (left < SPARE_MS) this.#renewed().catch(() => {});
    return headersOf(held);
  }

  /** Whose token it is, as far as known: `{host, agent_id, admin}`. */
  get holder() {
    return this.#held;
  }

  #renewed() {
    this.#minting ??= this.#take().finally(() => (this.#minting = null));
    return this.#minting;
  }

  async #take() {
    const { token, expires_in: seconds, host, agent_id, admin } = await this.#mint();
    this.#held = { token, until: this.#now() + seconds * 1000, host, agent_id, admin };
    return this.#held;
  }
}

function headersOf({ token }) {
  return { Authorization: `Bearer ${token}` };
}
