// Freshdesk as the host of a sidebar, over FDK's client: which ticket is open, who asks, where a reply goes. This is the
// only seam to the platform.
//
//   identity()            {host, agent}, whose Canvases these are
//   ticketId()            a promise of the open ticket's number, or null
//   onActivated(f), onDeactivated(f), onTouched(f(revision))   another ticket, none, the same one has changed
//   credentials({refused})   headers for serve: `{Authorization: "Bearer …"}` (see direct.js)
//   template(name, context, body)  a request by the platform: {status, headers, body}
//   insertReply(html, {replace})   into the editor; resolves to whether it could; `canReplace` says what it can
//   notify(type, text), openModal(data), send(message), onMessage(f), language(), settings()
//   openTicket(id), openArticle(id)   beside the ticket
//
// Whatever does not change with the ticket is asked for once, all of it at the same time. The API key stays with the
// platform: the template `session` buys a token.

import { Problem } from "../serve/problem.js";
import { Session } from "../serve/session.js";
import { preferredLanguage } from "../texts/texts.js";
import { bounded, invoked, jsonOf, messageOf } from "./fdk_calls.js";

/** What an agent does to a ticket and Freshdesk tells of; its webhook is on the way. */
const TOUCHING = [
  "ticket.sendReply",
  "ticket.addNote",
  "ticket.forward",
  "ticket.conversationForward",
  "ticket.statusChanged",
  "ticket.priorityChanged",
  "ticket.groupChanged",
  "ticket.agentChanged",
  "ticket.typeChanged",
  "ticket.closeTicketClick",
];
/** A ticket that is left for another one is deactivated first: only who does not come back soon closes the sidebar. */
const LEAVE_MS = 150;
/** Without these the sidebar works, too: it does not wait long for them. */
const OPTIONAL_MS = 2000;
const EDITOR = "ticket_conversation_editor";
const TITLE = "Prompt Canvas";
const NOTIFY = { error: "danger", success: "success", warning: "warning", info: "info" };

/**
 * Ask Freshdesk for what the sidebar has to know; resolves to its host.
 *
 * Throws a `Problem` (`platform`) where the platform does not tell the app's settings.
 */
export async function fdkHost(client) {
  const activity = new Activity(client);
  const optional = (call) => bounded(call, OPTIONAL_MS).catch(() => null);
  const [iparams, user, place, context] = await Promise.all([
    bounded(() => client.iparams.get()),
    optional(() => client.data.get("loggedInUser")),
    optional(() => client.data.get("currentHost")),
    optional(() => client.instance.context()),
  ]);
  return new FdkHost(client, activity, { iparams: iparams ?? {}, user, place, context });
}

/** Where serve answers, for a page that came by `protocol`: only one that lies on this machine or beside it has a port. */
export function baseOf(backend = "", protocol = location.protocol) {
  const host = String(backend).trim().toLowerCase();
  if (!/^[a-z0-9.-]+(:\d{1,5})?$/.test(host)) throw new Problem({ type: "settings", title: "backend" });
  return `${protocol === "http:" && host.includes(":") ? "http" : "https"}://${host}`;
}

/** The host of a sidebar in Freshdesk. */
export class FdkHost {
  #client;
  #activity;
  #iparams;
  #identity;
  #language;
  #address;
  #session;

  constructor(client, activity, { iparams, user, place, context }) {
    this.#client = client;
    this.#activity = activity;
    this.#iparams = iparams;
    this.#address = addressOf(place, iparams);
    this.#identity = identityOf(user, this.#address);
    this.#language = languageOf(iparams, user);
    this.#session = new Session({ mint: () => this.#mint() });
    /** Only from the editor's own frame may an app replace what stands in the editor. */
    this.canReplace = context?.location === EDITOR;
    /** Where serve answers. */
    this.base = baseOf(iparams.backend);
  }

  identity = () => this.#identity;
  ticketId = () => this.#activity.ticketId();
  credentials = (options) => this.#session.headers(options);
  language = () => this.#language;
  settings = () => this.#iparams;

  onActivated = (listener) => this.#activity.onActivated(listener);
  onDeactivated = (listener) => this.#activity.onDeactivated(listener);
  onTouched = (listener) => this.#activity.onTouched(listener);

  /** A request by the platform; a refusal of serve is an answer like any other. */
  template = (name, context, body) => invoked(this.#client, name, context, body);

  /** Into the open editor where the app lies in it, else into one that Freshdesk opens. */
  insertReply = (html, { replace = false } = {}) =>
    this.canReplace
      ? this.#did("setValue", { id: "editor", text: html, replace, position: "end" })
      : this.#did("click", { id: "reply", text: html });

  notify = (type, text) => this.#did("showNotify", { type: NOTIFY[type] ?? "info", title: TITLE, message: text });
  openModal = (data) => this.#did("showModal", { title: TITLE, template: "modal.html", data });

  /** To the app's other frames (the modal), and from them. */
  send = (message) => bounded(() => this.#client.instance.send({ message })).then(yes, no);
  onMessage = (listener) => this.#client.instance.receive((event) => listener(messageOf(event)));

  /** Beside the ticket that is being answered, not in its place. */
  openTicket = (id) => this.#open(`/a/tickets/${Number(id)}`);
  openArticle = (id) => this.#open(`/a/solutions/articles/${Number(id)}`);

  #open(path) {
    if (this.#identity.host) window.open(this.#address + path, "_blank", "noopener");
  }

  #did(action, options) {
    return bounded(() => this.#client.interface.trigger(action, options)).then(yes, no);
  }

  async #mint() {
    const minted = jsonOf(await this.template("session", {}));
    if (typeof minted.token !== "string") throw new Problem({ status: 502, type: "not-json" });
    return minted;
  }
}

/** Which ticket is open, as Freshdesk tells it: listens from the first moment on, before anybody listens to it. */
class Activity {
  #client;
  #asked = null;
  #failed = false;
  #leaving = null;
  #listeners = { activated: [], deactivated: [], touched: [] };

  constructor(client) {
    this.#client = client;
    this.#listen("app.activated", () => this.#activated());
    this.#listen("app.deactivated", () => this.#deactivated());
    for (const name of TOUCHING) this.#listen(name, () => this.#tell("touched", ""));
  }

  /** A promise of the open ticket's number, or null; what failed before is asked anew. */
  ticketId() {
    if (this.#failed) this.#ask();
    return this.#asked;
  }

  onDeactivated = (listener) => this.#listeners.deactivated.push(listener);
  onTouched = (listener) => this.#listeners.touched.push(listener);

  onActivated(listener) {
    this.#listeners.activated.push(listener);
    if (this.#asked !== null) listener();
  }

  #activated() {
    clearTimeout(this.#leaving);
    this.#ask();
    this.#tell("activated");
  }

  #ask() {
    const get = () => bounded(() => this.#client.data.get("ticket"));
    this.#failed = false;
    const asked = (this.#asked = get().catch(get).then(numberOf));
    asked.catch(() => (this.#failed = this.#asked === asked));
  }

  #deactivated() {
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => {
      this.#asked = null;
      this.#tell("deactivated");
    }, LEAVE_MS);
  }

  #tell(name, ...values) {
    for (const listener of this.#listeners[name]) listener(...values);
  }

  /** An event that this platform does not know must not keep the sidebar from starting. */
  #listen(name, listener) {
    try {
      this.#client.events.on(name, listener);
    } catch {
      // Then it does not come.
    }
  }
}

function numberOf(answer) {
  const id = Number(answer?.ticket?.id);
  return Number.isSafeInteger(id) && id > 0 ? id : null;
}

/** The account's address for agents, without a slash at the end. */
function addressOf(place, { freshdesk_domain: domain = "" }) {
  const known = place?.currentHost?.endpoint_urls?.freshdesk ?? place?.endpoint_urls?.freshdesk;
  return URL.canParse(known) ? new URL(known).origin : `https://${domain}`;
}

/** Whose Canvases these are; "" is an agent whom nobody names, and for whom nothing is kept. */
function identityOf(user, address) {
  const id = user?.loggedInUser?.id ?? user?.id ?? "";
  return { host: URL.canParse(address) ? new URL(address).host : "", agent: String(id) };
}

/** As the app is set, else the agent's own, else the browser's. */
function languageOf({ language = "" }, user) {
  const theirs = String(user?.loggedInUser?.contact?.language ?? "");
  return preferredLanguage([String(language), theirs, ...navigator.languages]);
}

const yes = () => true;
const no = () => false;
