// A line above all parts while a ticket is one of many about the same thing.

import { el, refill } from "../elements/dom.js";

/** So many of them are named. */
const INCIDENT_TICKETS = 5;

/** The line; `show(incident, kit)` with null hides it. */
export class IncidentLine {
  element = el("section", { class: "pc-incident", role: "status", hidden: true });

  #shown = "";

  show(incident, kit) {
    // The same again would be read out again.
    const shown = JSON.stringify([incident, kit?.language]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.hidden = !incident;
    refill(this.element, ...(incident ? incidentPart(incident, kit) : []));
  }
}

/** Many tickets about the same within hours: how many, since when, and the newest of them. */
function incidentPart(incident, kit) {
  const { openTicket } = kit.actions;
  const since = new Date(incident.first_seen);
  const time = since.toLocaleString(kit.language, { dateStyle: "short", timeStyle: "short" });
  const ticket = (id) => {
    const attributes = { class: "pc-source", "data-key": `incident-${id}` };
    if (!openTicket) return el("span", attributes, `#${id}`);
    return el("button", { type: "button", ...attributes, onclick: () => openTicket(id) }, `#${id}`);
  };
  const named = incident.tickets.slice(0, INCIDENT_TICKETS);
  const more = incident.count - 1 - named.length;
  return [
    el("p", {}, kit.t("incident", { count: incident.count, time })),
    el("p", { class: "pc-meta" }, el("span", {}, named.map(ticket)), more > 0 && el("span", {}, kit.t("incidentMore", { count: more }))),
  ];
}
