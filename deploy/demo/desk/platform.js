// What the platform answers an app: the page's data, its interface, settings, a small store, and requests by template,
// which the desk's server sends. Calls that the real platform refuses are refused here, too.

const NOTIFY = ["info", "success", "warning", "danger", "alert"];
const MOST_TITLE = 30;
const MOST_HEIGHT_PX = 700;
const EDITOR = "ticket_conversation_editor";
const MOST_KEY = 60;
const MOST_ENTRY = 40 * 1024;

/** An answer to `AppFrames`; a refusal is a plain object, as it is in the platform. */
export class Platform {
  #page;
  #store = new Map();

  /**
   * `page`: `ticket()`, `agent()`, `iparams()`, `invoke(name, request)`, `frames()`, and what it can show: `reply(html,
   * {replace})`, `go(kind, id)`, `setStatus(number)`, `notify(text)`, `modal(instance, template, data)`, `closeModal()`.
   */
  constructor(page) {
    this.#page = page;
  }

  /** The answer to one call of an instance. */
  answer(instance, method, args) {
    const [area, name] = method.split(".");
    const answers = { data: this.#data, iparams: this.#iparams, interface: this.#interface, instance: this.#instance };
    const found = { ...answers, db: this.#db, request: this.#request }[area];
    if (!found) throw refusal(400, `There is no ${method}`);
    return found.call(this, instance, name, args);
  }

  #data(_instance, _name, [wanted]) {
    const page = this.#page;
    const { id, name, email, language } = page.agent();
    const known = {
      ticket: () => page.ticket() && { ticket: page.ticket() },
      loggedInUser: () => ({ loggedInUser: { id, contact: { name, email, language } } }),
      currentHost: () => ({
        currentHost: { subscribed_modules: ["support_ticket"], endpoint_urls: { freshdesk: location.origin } },
      }),
      requester: () => page.ticket() && { requester: { name: page.ticket().requester } },
    };
    const found = known[wanted]?.();
    if (!found) throw refusal(404, `There is no data ${wanted} on this page`);
    return found;
  }

  #iparams(_instance, _name, [key]) {
    const all = this.#page.iparams();
    if (!key) return all;
    if (!(key in all)) throw refusal(404, `There is no setting ${key}`);
    return { [key]: all[key] };
  }

  #interface(instance, _name, [action, options]) {
    const actions = { click: this.#click, setValue: this.#setValue, showNotify: this.#notify };
    const found = { ...actions, showModal: this.#modal, showDialog: this.#modal }[action];
    if (!found) throw refusal(400, `${action} is not an action of this page`);
    return found.call(this, instance, options);
  }

  #click(_instance, { id, text = "", value }) {
    if (id === "reply") return { message: this.#page.reply(text) ? "success" : "failed" };
    if (id === "ticket") return this.#page.go("tickets", value);
    throw refusal(400, `There is no ${id} to click`);
  }

  #setValue({ location }, { id, text = "", replace = false, value }) {
    if (id === "status") return this.#page.setStatus(Number(value));
    if (id !== "editor" || location !== EDITOR) throw refusal(400, `${id} can't be set from ${location}`);
    return this.#page.reply(text, { replace });
  }

  #notify(_instance, { type, message = "" }) {
    if (!NOTIFY.includes(type)) throw refusal(400, `${type} is no type of notification`);
    return this.#page.notify(message);
  }

  #modal(instance, { title = "", template = "", data = null }) {
    if (title.length > MOST_TITLE) throw refusal(400, "The title is too long");
    return this.#page.modal(instance, { title, template, data });
  }

  #instance(instance, name, [options]) {
    const { context, iframe, location } = instance;
    if (name === "context") return context;
    if (name === "get") return this.#page.frames().all.map((other) => other.context);
    if (name === "send") return this.#page.frames().send(instance, options);
    if (name === "close" && location === "modal") return this.#page.closeModal();
    if (name !== "resize") throw refusal(400, `${name} is not for ${location}`);
    iframe.style.height = `${Math.min(MOST_HEIGHT_PX, parseInt(options.height, 10))}px`;
    return null;
  }

  #db(_instance, name, [key, value]) {
    const written = JSON.stringify(value ?? null);
    if (key.length > MOST_KEY || key.length + written.length > MOST_ENTRY) throw refusal(400, "Too large to keep");
    if (name === "set") this.#store.set(key, written);
    else if (!this.#store.has(key)) throw refusal(404, "Record not found");
    if (name === "delete") this.#store.delete(key);
    return name === "get" ? JSON.parse(this.#store.get(key)) : { Created: true };
  }

  async #request({ location }, name, [template, { context = {}, body }]) {
    if (name !== "invokeTemplate") throw refusal(400, `There is no request.${name}`);
    const request = { context, installing: location === "install", ...(body !== undefined && { body }) };
    const { resolved, rejected } = await this.#page.invoke(template, request);
    if (rejected) throw rejected;
    return resolved;
  }
}

function refusal(status, message) {
  return { status, message };
}
