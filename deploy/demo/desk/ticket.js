// One ticket: its head, the thread, and the box to answer in. Messages are added as they come; nothing is redrawn.

import { el, refill } from "/desk/app/scripts/elements/dom.js";

const STATUSES = [2, 3, 4, 5, 6, 7];
const NEAR_END_PX = 80;

export class TicketPane {
  #root;
  #actions;
  #t;
  #language;
  #ticket = null;
  #role = "agent";
  #drafts = { agent: "", customer: "" };

  /** `actions`: `status(number)`, `customerReplies()`, `burst()`, `send(role, text)`, each a promise. */
  constructor(root, actions) {
    this.#root = root;
    this.#actions = actions;
  }

  setLanguage(t, language) {
    this.#t = t;
    this.#language = language;
    if (this.#ticket) this.show(this.#ticket, { anew: true });
    else if (this.#words) this.#say(this.#words);
  }

  /** Show a ticket, or what is new about the one that is shown. */
  show(ticket, { anew = false } = {}) {
    if (!anew) this.#root.inert = false;
    const same = !anew && this.#ticket?.id === ticket.id;
    if (this.#ticket?.id !== ticket.id) this.#drafts = { agent: "", customer: "" };
    else if (anew) this.#drafts[this.#role] = this.#box.value;
    this.#ticket = ticket;
    if (!same) this.#build();
    this.#describe();
    this.#addMessages(same);
  }

  /** Another ticket is on its way: what is still shown must take no words that are meant for that one. */
  wait() {
    this.#root.inert = true;
  }

  /** Nothing can be shown; `reason()` says why in the page's language. */
  fail(reason) {
    this.#say(() => this.#t("noTicket", { reason: reason() }));
  }

  /** No ticket is chosen. */
  close() {
    this.#say(() => this.#t("pickTicket"));
  }

  /** Put a recommended reply into the agent's box, after what stands there or in its place. */
  insert(text, { replace = false } = {}) {
    if (!this.#box || this.#root.inert) return false;
    this.#become("agent");
    this.#box.value = this.#box.value.trim() && !replace ? `${this.#box.value.trimEnd()}\n\n${text}` : text;
    this.#grow();
    this.#box.focus();
    return true;
  }

  /** Words in the ticket's place, as a function: the language may change. */
  #say(words) {
    this.#root.inert = false;
    this.#ticket = null;
    this.#box = null;
    this.#words = words;
    refill(this.#root, el("div", { class: "empty" }, words()));
  }

  #head;
  #thread;
  #words = null;
  #box = null;
  #roles;

  #build() {
    const t = this.#t;
    this.#head = el("header", { class: "head" });
    this.#thread = el("ol", { class: "thread", tabindex: "0", "aria-label": t("ticket") });
    this.#box = el("textarea", { rows: 2, "aria-label": t("write") });
    this.#box.addEventListener("input", () => this.#grow());
    this.#box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send();
    });
    const role = (name, text) =>
      el("button", { type: "button", "data-role": name, onclick: () => this.#become(name) }, text);
    this.#roles = [role("agent", t("asAgent")), role("customer", t("asCustomer"))];
    const play = (name, work) =>
      el(
        "button",
        { type: "button", title: t(`${name}Why`), onclick: (event) => busy(event.currentTarget, work) },
        t(name),
      );
    const composer = el(
      "footer",
      { class: "composer" },
      el("div", { class: "switch", role: "group" }, this.#roles),
      this.#box,
      el(
        "div",
        { class: "row" },
        el("span", { class: "play" }, t("play")),
        play("customerReplies", () => this.#actions.customerReplies()),
        play("burst", () => this.#actions.burst()),
        el("span", { class: "space" }),
        el(
          "button",
          { type: "button", class: "primary", onclick: (event) => busy(event.currentTarget, () => this.#send()) },
          t("send"),
        ),
      ),
    );
    this.#root.replaceChildren(this.#head, this.#thread, composer);
    this.#become(this.#role);
  }

  #describe() {
    const [t, ticket] = [this.#t, this.#ticket];
    const status = el("select", { "aria-label": t("status"), "data-key": "status", class: `status-${ticket.status}` });
    for (const number of STATUSES)
      status.append(new Option(t(`status_${number}`), number, false, number === ticket.status));
    status.addEventListener("change", () => this.#actions.status(Number(status.value)));
    refill(
      this.#head,
      el("h2", { lang: ticket.language }, ticket.subject),
      el(
        "p",
        {},
        status,
        el(
          "span",
          { class: `priority priority-${ticket.priority}`, title: t("priority") },
          t(`priority_${ticket.priority}`),
        ),
        el("span", {}, `#${ticket.id}`),
        el("span", {}, ticket.requester),
        ticket.product && el("span", {}, ticket.product),
        ticket.gone && el("span", { class: "gone" }, t(`gone_${ticket.gone}`)),
      ),
    );
  }

  #addMessages(same) {
    const { scrollTop, clientHeight, scrollHeight } = this.#thread;
    const atEnd = scrollTop + clientHeight > scrollHeight - NEAR_END_PX;
    const known = new Set([...this.#thread.children].map((item) => item.dataset.id));
    const missing = this.#ticket.messages.filter((message) => !known.has(String(message.id)));
    this.#thread.append(...missing.map((message) => this.#message(message, same)));
    if (!same || atEnd) this.#thread.scrollTop = this.#thread.scrollHeight;
  }

  #message({ id, author, name, text, at }, isNew) {
    const when = new Date(at).toLocaleString(this.#language, { dateStyle: "medium", timeStyle: "short" });
    const kind = this.#t(`author_${author}`);
    return el(
      "li",
      { class: `message ${author}${isNew ? " is-new" : ""}`, "data-id": id },
      el(
        "p",
        { class: "by" },
        el("b", {}, name || kind),
        name && author !== "customer" ? el("span", {}, kind) : null,
        el("time", { datetime: at }, when),
      ),
      el("p", { class: "words", lang: this.#ticket.language }, text),
    );
  }

  #become(role) {
    this.#drafts[this.#role] = this.#box.value || this.#drafts[this.#role];
    if (role !== this.#role) this.#box.value = "";
    this.#role = role;
    this.#box.value ||= this.#drafts[role];
    this.#drafts[role] = "";
    this.#box.placeholder = this.#t(role === "agent" ? "write" : "writeCustomer");
    for (const button of this.#roles) button.setAttribute("aria-pressed", String(button.dataset.role === role));
    this.#grow();
  }

  async #send() {
    const box = this.#box;
    const text = box.value.trim();
    if (!text) return box.focus();
    if (!(await this.#actions.send(this.#role, text))) return;
    // Another ticket may be open by now, or more have been written.
    if (box.value.trim() === text) box.value = "";
    if (box === this.#box) this.#grow();
  }

  #grow() {
    this.#box.style.height = "auto";
    this.#box.style.height = `${Math.min(this.#box.scrollHeight + 2, 220)}px`;
  }
}

/** Switch a button off while its work goes on. */
async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}
