// Puts a sidebar into a page, over whatever host it has: what asks, what remembers, what counts and what is seen, and
// the events of host and browser that drive them.

import { CanvasCache } from "./canvas/cache.js";
import { lookForNews } from "./canvas/news.js";
import { Sidebar } from "./canvas/sidebar.js";
import { CanvasApi } from "./serve/api.js";
import { ANSWER, asked, REPLY } from "./serve/asked.js";
import { Feedback } from "./serve/feedback.js";
import { CanvasView } from "./view/canvas_view.js";
import { overheard, WideView } from "./wide/wide_view.js";
import { TONES } from "./work/reply_parts.js";

/** A tab that is hidden for so long holds no stream. */
const HIDDEN_MS = 60_000;
/** A platform that takes longer to name the ticket leaves the page empty meanwhile. */
const NAMED_WITHIN_MS = 150;

/**
 * Mount; returns `{sidebar, view, feedback}`. `host` is described in fdk_host.js, `base` is where serve answers
 * ("" = here), `storage` keeps what was seen over a reload (or null).
 */
export function mountSidebar(root, host, { base = "", storage = null } = {}) {
  const template = host.template ? (...call) => host.template(...call) : null;
  const api = new CanvasApi({ base, credentials: (options) => host.credentials(options), template });
  const feedback = new Feedback({ send: (entries) => api.feedback(entries) });
  const settings = settingsOf(host);
  const actions = {
    retry: () => again(),
    tell: (entry) => feedback.tell(entry),
    insert: host.insertReply && ((html, options) => host.insertReply(html, options)),
    canReplace: host.canReplace ?? true,
    openTicket: host.openTicket && ((id) => host.openTicket(id)),
    openArticle: host.openArticle && ((id) => host.openArticle(id)),
    ask: (body, options) => asked(api, ANSWER, body, options),
    generate: (body, options) => asked(api, REPLY, { ...settings.reply, ...body }, options),
  };
  const { view, own } = viewOf(root, host, settings, actions);
  const cache = new CanvasCache({ storage });
  const sidebar = new Sidebar({ api, view, cache });
  whenKnown(host.identity(), (identity) => cache.belongsTo(identity));
  const again = listenToHost(host, { sidebar, view, feedback });
  listenToBrowser(sidebar, feedback);
  lookForNews({ api, open: () => sidebar.resting, news: () => sidebar.touch() });
  return { sidebar, view: own, feedback };
}

/** `own` is what is on the page, `view` what is to be told: the same, and where there is a modal, that one too. */
function viewOf(root, host, settings, actions) {
  const { language, show } = settings;
  if (!host.onMessage || !host.openModal) {
    const own = new CanvasView(root, { language, show, actions });
    return { view: own, own };
  }
  const share = (kind, value) => own.shared(kind, value);
  const wide = new WideView({ host, actions: { ...actions, share } });
  const more = { wide: () => wide.open({ language, show }), share: (...shared) => wide.tell("shared", shared) };
  const own = new CanvasView(root, { language, show, actions: { ...actions, ...more } });
  return { view: overheard(own, (method, args) => wide.tell(method, args)), own };
}

/** What the app's settings say: the language, the parts that are shown (null: all), and how replies are asked for. */
function settingsOf(host) {
  const { show = "", tone = "" } = host.settings?.() ?? {};
  const parts = String(show).split(/[\s,]+/).filter(Boolean);
  const reply = TONES.includes(tone) ? { tone } : {};
  return { language: host.language(), show: parts.length ? parts : null, reply };
}

/** The host names a ticket; where it has to think about that, a later one wins. Returns what asks again. */
function listenToHost(host, { sidebar, view, feedback }) {
  let turn = 0;
  let nameless = false;
  const ask = () => {
    const mine = (turn += 1);
    const unlessLate = (work) => (value) => mine === turn && work(value);
    const named = (ticketId) => {
      nameless = false;
      if (ticketId === null) sidebar.close();
      else sidebar.open(ticketId);
    };
    const failed = () => {
      nameless = true;
      sidebar.close();
      view.problem("problem_platform", "advice_platform", {}, true);
      view.say("bad", "problem_platform");
    };
    // Another ticket's Canvas must not stand beside this one while the platform thinks.
    const slow = setTimeout(unlessLate(() => blank(sidebar, view)), NAMED_WITHIN_MS);
    const inTime = (work) => (value) => (clearTimeout(slow), work(value));
    whenKnown(host.ticketId(), inTime(unlessLate(named)), inTime(unlessLate(failed)));
  };
  host.onActivated(() => {
    feedback.flush();
    ask();
  });
  host.onDeactivated(() => {
    turn += 1;
    feedback.flush();
    sidebar.close();
  });
  host.onTouched((revision) => sidebar.touch(revision));
  return () => (nameless ? ask() : sidebar.retry());
}

function blank(sidebar, view) {
  sidebar.close();
  view.clear();
  view.say("busy", "opening");
}

function listenToBrowser(sidebar, feedback) {
  let timer = null;
  addEventListener("online", () => sidebar.retry());
  addEventListener("pagehide", () => feedback.flush());
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) return sidebar.resume();
    feedback.flush();
    timer = setTimeout(() => sidebar.suspend(), HIDDEN_MS);
  });
}

/** At once where the value is there, so that nothing waits for a turn of the loop; else when it is. */
function whenKnown(value, then, otherwise = () => {}) {
  if (typeof value?.then === "function") value.then(then, otherwise);
  else then(value);
}
