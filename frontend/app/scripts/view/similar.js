// Similar tickets: which ones, why they are alike and how they were resolved, and a filter for when there are many: by
// status, by language, and by words.
//
// They stand in serve's order, best first: by words and meaning in common, whether one was answered, how old it is. No
// figure says all of that (`score` is the meaning's part alone), so none is shown: the best one is named, and the reasons.

import { el, link, refill } from "../elements/dom.js";
import { button, quiet, snippet } from "../elements/pieces.js";

/** So few tickets need no filter. */
const FEW_TICKETS = 3;
const SOLVED = ["Resolved", "Closed"];
const isSolved = ({ status }) => SOLVED.includes(status);
const FILTERS = {
  all: () => true,
  solved: isSolved,
  open: (ticket) => !isSolved(ticket),
  same_language: (ticket) => !ticket.why?.other_language,
};

/** The body of the part; it keeps what the agent has chosen for as long as the ticket is open. */
export class SimilarBox {
  #kit;
  #body;
  #tickets = [];
  #chosen = "all";
  #field = el("input", { type: "search", class: "pc-find", maxlength: 100, "data-key": "filter-words" });
  #chips = el("div", { class: "pc-choices", role: "group" });
  #filter = el("div", { class: "pc-filter" }, this.#chips, this.#field);
  #list = el("div", { class: "pc-list" });

  /** `kit()` gives what parts share. */
  constructor({ kit, body }) {
    this.#kit = kit;
    this.#body = body;
    this.#field.addEventListener("input", () => this.#changed());
  }

  update(tickets) {
    this.#tickets = tickets;
    this.render();
  }

  /** Another ticket: nothing is chosen. */
  clear() {
    this.#tickets = [];
    this.#reset();
  }

  render() {
    const { t } = this.#kit();
    if (!this.#tickets.length) return refill(this.#body, quiet(t("noSimilar")));
    const many = this.#tickets.length > FEW_TICKETS;
    // A filter that is not seen leaves nothing out.
    if (!many) this.#reset();
    this.#label(t);
    // The field stays where it is: an agent may be writing in it.
    if (this.#list.parentNode !== this.#body || this.#filter.hidden === many) {
      this.#filter.hidden = !many;
      refill(this.#body, this.#filter, this.#list);
    }
    return this.#draw();
  }

  #label(t) {
    this.#field.setAttribute("aria-label", t("filterWords"));
    this.#field.placeholder = t("filterWords");
    this.#chips.setAttribute("aria-label", t("filter"));
    const useful = Object.keys(FILTERS).filter((name) => name === "all" || this.#divides(FILTERS[name]));
    this.#chips.hidden = useful.length < 2;
    refill(this.#chips, useful.map((name) => this.#chip(name, t)));
  }

  /** Whether a filter leaves something, and leaves something out. */
  #divides(filter) {
    return this.#tickets.some(filter) && !this.#tickets.every(filter);
  }

  #chip(name, t) {
    const pressed = String(name === this.#chosen);
    const attributes = { type: "button", class: "pc-choice", "data-key": `filter-${name}`, "aria-pressed": pressed };
    const choose = () => ((this.#chosen = name), this.#label(this.#kit().t), this.#changed());
    return el("button", { ...attributes, onclick: choose }, t(`filter_${name}`));
  }

  #changed() {
    const left = this.#draw();
    const { t, announce } = this.#kit();
    announce(t("filterLeft", { count: left, all: this.#tickets.length }));
  }

  #reset() {
    this.#chosen = "all";
    this.#field.value = "";
  }

  #draw() {
    const kit = this.#kit();
    const shown = this.#tickets.filter((ticket) => FILTERS[this.#chosen](ticket) && holds(ticket, this.#field.value));
    const best = this.#tickets.length > 1 && this.#tickets[0];
    const items = shown.map((ticket) => similarItem(ticket, kit, { best: ticket === best }));
    const again = () => (this.#reset(), this.render(), this.#field.focus());
    const none = [quiet(kit.t("noneLeft")), button(kit.t("filterReset"), "filter-reset", "pc-link", again)];
    refill(this.#list, items.length ? el("ul", { class: "pc-items", "aria-label": kit.t("bestFirst") }, items) : none);
    return shown.length;
  }
}

/** Whether each of the words stands somewhere in what is shown of a ticket. */
function holds({ ticket_id: id, subject, resolution, status }, words) {
  const text = `#${id} ${subject} ${resolution} ${status}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** One similar ticket; `best` is the first of several. */
export function similarItem(ticket, kit, { best = false } = {}) {
  const { t, actions } = kit;
  const title = { class: "pc-title", "data-key": `ticket-${ticket.ticket_id}`, title: ticket.subject };
  const open = actions.openTicket && (() => actions.openTicket(ticket.ticket_id));
  return el(
    "li",
    {},
    link(ticket.url, ticket.subject, title, open),
    el("p", { class: "pc-meta" }, facts(ticket, t), best && el("span", { class: "pc-chip pc-best", title: t("bestFirst") }, t("best"))),
    el("p", { class: "pc-meta" }, reasons(ticket.why ?? {}, t)),
    ticket.resolution && el("p", { class: "pc-meta pc-solved-by" }, t("solvedBy")),
    ticket.resolution && snippet(ticket.resolution, `solved-${ticket.ticket_id}`, kit),
  );
}

/** Its number, its state, and how many it stands for. */
function facts(ticket, t) {
  const solved = isSolved(ticket) ? " pc-solved" : "";
  return [
    el("span", {}, `#${ticket.ticket_id}`),
    el("span", { class: `pc-state${solved}` }, statusText(ticket.status, t)),
    ticket.count > 1 && el("span", {}, t("alikeCount", { count: ticket.count })),
  ];
}

/** What two tickets have in common: words and codes of both, else their meaning; and whether the languages differ. */
function reasons({ terms = [], other_language: otherLanguage = false }, t) {
  return [
    terms.length === 0 && el("span", {}, t("alikeInMeaning")),
    terms.length > 0 &&
      el("span", {}, `${t("sharedTerms")} `, el("span", { class: "pc-terms" }, terms.join(", "))),
    otherLanguage && el("span", {}, t("otherLanguage")),
  ];
}

/** Freshdesk's own statuses in the agent's language; those that an account has made are not ours to translate. */
function statusText(status, t) {
  const key = `ticket_${status}`;
  const text = t(key);
  return text === key ? status : text;
}
