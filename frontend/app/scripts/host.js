// What the surroundings of the sidebar give it: which ticket is open, who asks, where a reply goes. This is the only
// seam to the platform: `PageHost` is the one of a plain page (the demo desk); one over Freshdesk's client has the same
// members.
//
//   identity()            {host, agent}, whose Canvases these are, or a promise of it
//   ticketId()            the open ticket's number or null, or a promise of it
//   onActivated(f), onDeactivated(f), onTouched(f(revision))   another ticket, none, the same one has changed
//   credentials({refused})   headers for serve: `{Authorization: "Bearer …"}`
//   template(name, context)  a request by the platform: {status, headers, body}; null where there is none
//   insertReply(html, {replace, text})   into the editor; resolves to whether it could
//   notify(type, text), openModal(data), language(), settings()
//   openTicket(id), openArticle(id)   null where a link has to do

import { Problem, problemOf } from "./problem.js";
import { Session } from "./session.js";

/** The host of a sidebar that lies in a page of its own. */
export class PageHost {
  #page;
  #session;
  #ticketId = null;
  #activated = [];
  #deactivated = [];
  #touched = [];

  /** The page cannot ask for the sidebar: there is no platform beside it. */
  template = null;

  /**
   * `page`: `identity {host, agent}`, `mint()` (a promise of what `POST /session` answers), `storage` (or null),
   * `language`, and what the page can do of `insert(text, {replace})`, `notify`, `openTicket`, `openArticle`, `modal`.
   */
  constructor(page) {
    this.#page = page;
    const { mint, storage = null, identity } = page;
    this.#session = new Session({ mint, storage, name: `pc:session:${identity.host}:${identity.agent}` });
    this.openTicket = page.openTicket ?? null;
    this.openArticle = page.openArticle ?? null;
  }

  identity = () => this.#page.identity;
  ticketId = () => this.#ticketId;
  credentials = (options) => this.#session.headers(options);
  language = () => this.#page.language;
  settings = () => this.#page.settings ?? {};
  notify = (type, text) => this.#page.notify?.(type, text);
  openModal = (data) => this.#page.modal?.(data);

  onActivated = (listener) => this.#activated.push(listener);
  onDeactivated = (listener) => this.#deactivated.push(listener);
  onTouched = (listener) => this.#touched.push(listener);

  /** A plain page takes text; Freshdesk's editor takes `html`. */
  get insertReply() {
    const { insert } = this.#page;
    return insert ? (_html, { replace = false, text = "" } = {}) => insert(text, { replace }) : null;
  }

  /** The page shows another ticket. */
  activate(ticketId) {
    this.#ticketId = ticketId;
    for (const listener of this.#activated) listener();
  }

  /** The page shows no ticket. */
  deactivate() {
    this.#ticketId = null;
    for (const listener of this.#deactivated) listener();
  }

  /** The open ticket has changed; `revision` is its `updated_at`, where the page knows it. */
  touch(revision = "") {
    for (const listener of this.#touched) listener(revision);
  }
}

/** `POST /session` with headers that prove who asks: `{token, expires_in, host, agent_id, admin}`. */
export async function mintByKey(headers, { base = "", fetch = globalThis.fetch.bind(globalThis) } = {}) {
  const response = await fetch(`${base}/session`, { method: "POST", headers, cache: "no-store" }).catch((error) => {
    throw new Problem({ type: "network", title: String(error.message ?? error) });
  });
  if (!response.ok) throw await problemOf(response);
  return response.json();
}
