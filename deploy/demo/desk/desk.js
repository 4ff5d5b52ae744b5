// The demo desk: list, ticket and the Freshdesk app in its frame side by side. Only what lies in this folder knows the
// look-alike. The open ticket stands in the address, so links and the back button work.

import { sleep } from "/desk/app/scripts/serve/stream.js";
import { duration, preferredLanguage, translator } from "/desk/app/scripts/texts/texts.js";
import { AppPane } from "/desk/static/app_pane.js";
import { DeskError, desk } from "/desk/static/desk_api.js";
import { chooseTicket, showArticle } from "/desk/static/dialogs.js";
import { TicketList } from "/desk/static/list.js";
import { plainText } from "/desk/static/plain_text.js";
import { DESK_TEXTS } from "/desk/static/texts.js";
import { TicketPane } from "/desk/static/ticket.js";

const POLL_MS = 2000;
const TOAST_MS = 4000;
/** How often the ages in the list move on. */
const REDRAW_MS = 30_000;
/** Polls ask for what changed since a little before the last change: times are cut to the second. */
const OVERLAP_MS = 2000;
const SECOND_MS = 1000;

const $ = (id) => document.getElementById(id);
const config = await desk.config();
let language = stored("language") ?? preferredLanguage();
let t = translator(language, DESK_TEXTS);
let current = null;
/** The open ticket as it was read last, when that was, and what ends reading it. */
let shown = "";
let shownAt = "";
let readAt = 0;
let reading = new AbortController();
let newestChange = "";

const list = new TicketList($("tickets"), $("no-tickets"));
const pane = new TicketPane($("ticket"), {
  status: (status) => act(() => desk.setStatus(current, status), { event: "ticket.statusChanged" }),
  customerReplies: () => act(() => desk.customerReply(current)),
  burst: () => act(burst),
  send: (role, text) =>
    role === "agent"
      ? act(() => desk.agentReply(current, text), { done: "toastSent", event: "ticket.sendReply" })
      : act(() => desk.customerReply(current, text), { done: "toastSent" }),
});
const elements = { frame: $("app"), handle: $("handle"), shell: $("sidebar"), modal: $("app-modal"), full: $("app-page") };
const platform = {
  ticket: () => (current === null ? null : { id: current, ...JSON.parse(shown || "{}") }),
  agent: () => ({ ...config.agent, language }),
  invoke: (template, request) => desk.invoke(template, request),
  reply: (html, options) => pane.insert(plainText(html), options),
  go: (kind, id) => (location.hash = `#/${kind}/${Number(id)}`),
  setStatus: (status) => act(() => desk.setStatus(current, status)),
  notify: (text) => toast(text),
};
const app = await AppPane.open(elements, platform, config.app);

/** The ticket that the address names, or null. */
function addressed() {
  return Number(location.hash.match(/^#\/tickets\/([1-9]\d{0,14})$/)?.[1] ?? 0) || null;
}

/** Show the ticket, or the article, that the address names. */
async function route() {
  const article = Number(location.hash.match(/^#\/solutions\/articles\/([1-9]\d{0,14})$/)?.[1] ?? 0);
  if (article) return readArticle(article);
  const id = addressed();
  if (id === current) return;
  // A browser holds few connections: what a slow helpdesk keeps waiting must not hold up the next ticket.
  reading.abort();
  reading = new AbortController();
  const before = current;
  current = id;
  shown = shownAt = "";
  list.choose(id);
  // The sidebar does not wait for the ticket, nor the ticket for the sidebar: so it is in Freshdesk.
  app.ticketChanged(before);
  if (id === null) return pane.close();
  pane.wait();
  await refreshTicket();
  return list.scrollToChosen();
}

/** Show an article over whatever is open, which stays what the address names. */
async function readArticle(id) {
  history.replaceState(null, "", current === null ? location.pathname : `#/tickets/${current}`);
  await desk.article(id).then((found) => showArticle($("article"), found), failed);
}

/** Fetch the open ticket. */
async function refreshTicket() {
  const { signal } = reading;
  try {
    const began = Date.now();
    const ticket = await desk.ticket(current, signal);
    if (signal.aborted) return;
    [shown, shownAt, readAt] = [JSON.stringify(ticket), ticket.updated_at, began];
    pane.show(ticket);
  } catch (error) {
    if (!signal.aborted) pane.fail(() => reason(error));
  }
}

/** Times are cut to the second: who read a ticket in the second of its change may have missed another one. */
function readTooEarly() {
  return readAt - Date.parse(shownAt) < SECOND_MS;
}

/** Fetch what changed; the first time everything. */
async function refreshList() {
  const first = newestChange === "";
  const since = first ? "" : new Date(Date.parse(newestChange) - OVERLAP_MS).toISOString();
  const { tickets } = await desk.tickets(since);
  list.update(tickets, { first });
  for (const { id, updated_at: at } of tickets) {
    if (Date.parse(at) > Date.parse(newestChange || 0)) newestChange = at;
    if (id === current && shownAt && (at !== shownAt || readTooEarly())) await refreshTicket();
  }
}

/**
 * Do something, tell the app's frames what Freshdesk tells them of it (that the customer writes, it does not tell), and
 * show what it changed; says so if it fails. Resolves to whether it worked.
 */
async function act(work, { done = null, event = null } = {}) {
  try {
    await work();
    if (event) app.emit(event);
    if (done) toast(t(done));
  } catch (error) {
    failed(error);
    return false;
  }
  if (current !== null) await refreshTicket();
  await refreshList().catch(() => {});
  return true;
}

async function burst() {
  const began = performance.now();
  const { updates } = await desk.burst(current);
  toast(t("toastBurst", { updates, ms: duration(performance.now() - began) }));
}

async function create(ticket, { open }) {
  const { id } = await desk.create({ language, ...ticket });
  if (open) location.hash = `#/tickets/${id}`;
  else toast(t("toastCreated", { id }));
  await refreshList();
  list.choose(current);
}

async function chooseAndCreate() {
  const chosen = await chooseTicket($("chooser"), config.samples, t, language);
  if (!chosen) return;
  const { open, ...ticket } = chosen;
  await create(ticket, { open });
}

function setLanguage(chosen) {
  language = chosen;
  t = translator(language, DESK_TEXTS);
  store("language", language);
  document.documentElement.lang = language;
  document.title = t("title");
  for (const [attribute, target] of [
    ["t", null],
    ["tLabel", "aria-label"],
    ["tTitle", "title"],
    ["tPlaceholder", "placeholder"],
  ]) {
    const name = attribute.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    for (const element of document.querySelectorAll(`[data-${name}]`)) {
      const text = t(element.dataset[attribute]);
      if (target) element.setAttribute(target, text);
      else element.textContent = text;
    }
  }
  for (const button of $("languages").children)
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  list.setLanguage(t, language);
  pane.setLanguage(t, language);
}

let toastTimer;
function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toast").classList.remove("shown"), TOAST_MS);
}

function failed(error) {
  toast(t("toastFailed", { reason: reason(error) }));
}

/** What went wrong, in the page's language. */
function reason(error) {
  if (!(error instanceof DeskError)) return error.message;
  return t(error.status ? "reason_status" : "reason_network", { status: error.status });
}

/** Browsers may forbid storage; then the choice lasts as long as the page. */
function stored(key) {
  try {
    return localStorage.getItem(`canvas-desk-${key}`);
  } catch {
    return null;
  }
}

function store(key, value) {
  try {
    localStorage.setItem(`canvas-desk-${key}`, value);
  } catch {
    // Not kept, then.
  }
}

$("domain").textContent = config.domain;
$("languages").addEventListener(
  "click",
  ({ target }) => target.dataset.language && (setLanguage(target.dataset.language), app.reload()),
);
$("sidebar").addEventListener("click", ({ target }) => {
  if (target.dataset.page) app.showPage(target.dataset.page, `Prompt Canvas · ${target.textContent}`);
});
$("search").addEventListener("input", ({ target }) => list.search(target.value));
$("new-ticket").addEventListener("click", () => create({}, { open: true }).catch(failed));
$("choose-ticket").addEventListener("click", () => chooseAndCreate().catch(failed));
addEventListener("hashchange", route);

setLanguage(language);
// A ticket that the address names does not wait for the list.
const named = route();
await refreshList().catch(failed);
if (addressed() === null && list.newest !== null) history.replaceState(null, "", `#/tickets/${list.newest}`);
await named;
await route();
list.choose(current);
list.scrollToChosen();
setInterval(() => list.setLanguage(t, language), REDRAW_MS);
for (;;) {
  await sleep(POLL_MS);
  // A failed poll is no news: the next one comes soon.
  if (!document.hidden) await refreshList().catch(() => {});
}
