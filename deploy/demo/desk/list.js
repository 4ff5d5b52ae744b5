// The ticket list: newest change first. Rows are kept and moved, so that a poll disturbs neither scroll nor focus.

import { el } from "/desk/app/scripts/elements/dom.js";
import { age } from "/desk/app/scripts/texts/texts.js";

export class TicketList {
  #list;
  #empty;
  #rows = new Map();
  #words = "";
  #current = null;
  #t;
  #language;

  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
  }

  /** Draw all rows in another language. */
  setLanguage(t, language) {
    this.#t = t;
    this.#language = language;
    for (const row of this.#rows.values()) this.#draw(row);
  }

  /** Add or change rows; those that change while the page is open are marked. */
  update(tickets, { first = false } = {}) {
    for (const ticket of tickets) {
      const row = this.#rows.get(ticket.id) ?? this.#create(ticket.id);
      const changed = row.ticket?.updated_at !== ticket.updated_at;
      row.fresh ||= changed && !first && ticket.id !== this.#current;
      row.ticket = ticket;
      this.#draw(row);
    }
    const sorted = [...this.#rows.values()].sort(
      (a, b) => order(b.ticket) - order(a.ticket) || b.ticket.id - a.ticket.id,
    );
    const focused = document.activeElement;
    sorted.forEach(({ element }, index) => {
      const there = this.#list.children[index];
      if (there !== element) this.#list.insertBefore(element, there ?? null);
    });
    // A row that moves loses the focus.
    if (focused !== document.activeElement && this.#list.contains(focused)) focused.focus({ preventScroll: true });
    this.#filter();
  }

  /** Show rows that contain all these words. */
  search(words) {
    this.#words = words.trim().toLowerCase();
    this.#filter();
  }

  /** Mark the open ticket. */
  choose(id) {
    this.#current = id;
    for (const [number, row] of this.#rows) {
      if (number === id) row.fresh = false;
      row.link.toggleAttribute("data-fresh", row.fresh);
      if (number === id) row.link.setAttribute("aria-current", "page");
      else row.link.removeAttribute("aria-current");
    }
  }

  scrollToChosen() {
    this.#rows.get(this.#current)?.element.scrollIntoView({ block: "nearest" });
  }

  /** The newest ticket's number, or null. */
  get newest() {
    return this.#list.firstElementChild ? Number(this.#list.firstElementChild.dataset.id) : null;
  }

  #create(id) {
    const link = el("a", { href: `#/tickets/${id}` });
    const row = { element: el("li", { "data-id": id }, link), link, ticket: null, fresh: false };
    this.#rows.set(id, row);
    return row;
  }

  #draw({ link, ticket, fresh }) {
    const passed = Date.now() - Date.parse(ticket.updated_at);
    link.toggleAttribute("data-fresh", fresh);
    link.replaceChildren(
      el("span", { class: `dot status-${ticket.status}`, title: this.#t(`status_${ticket.status}`) }),
      el("span", { class: "subject", lang: ticket.language }, ticket.subject),
      el("time", { datetime: ticket.updated_at }, age(Math.max(0, passed), this.#language, "•")),
      el("span", { class: "who" }, [`#${ticket.id}`, ticket.requester, ticket.product].filter(Boolean).join(" · ")),
      el("span", { class: "language" }, ticket.language.toUpperCase()),
    );
  }

  #filter() {
    const words = this.#words.split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { element, ticket } of this.#rows.values()) {
      const text =
        `#${ticket.id} ${ticket.subject} ${ticket.requester} ${ticket.product} ${ticket.language}`.toLowerCase();
      element.hidden = !words.every((word) => text.includes(word));
      shown += element.hidden ? 0 : 1;
    }
    this.#empty.hidden = shown > 0;
  }
}

function order(ticket) {
  return Date.parse(ticket.updated_at);
}
