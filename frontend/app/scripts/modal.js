// The wide view's start in Freshdesk's modal. The sidebar does what is to be done there (follower.js); tickets and articles
// it opens itself, as only who was clicked on may open a tab.

import { composes } from "./elements/dom.js";
import { fdkClient } from "./freshdesk/fdk_calls.js";
import { fdkHost } from "./freshdesk/fdk_host.js";
import { Problem } from "./serve/problem.js";
import { preferredLanguage } from "./texts/texts.js";
import { CanvasView } from "./view/canvas_view.js";
import { Follower } from "./wide/follower.js";

/** Show the sidebar's Canvas in `root`; resolves to the view. */
export async function startModal(root, client) {
  const [host, context] = await Promise.all([fdkHost(client), client.instance.context()]);
  const { calls = [], number, language = host.language(), show = null } = context?.modalData ?? {};
  const follower = new Follower(host, { number });
  const { insert, ...actions } = follower.actions();
  const inserted = async (...args) => {
    const done = await insert(...args);
    // The agent wants to see it in the editor, which lies below.
    if (done !== false) client.instance.close();
    return done;
  };
  const { openTicket, openArticle } = host;
  const own = { openTicket, openArticle, insert: inserted, canReplace: host.canReplace };
  const view = new CanvasView(root, { language, show, actions: { ...actions, ...own } });
  root.classList.add("pc-wide");
  document.documentElement.lang = language;
  follower.show(view, calls);
  addEventListener("pagehide", () => follower.leave());
  // The page around the frame does not hear its keys.
  addEventListener("keydown", (event) => leaves(event) && client.instance.close());
  return view;
}

/** Escape, unless it is meant for a box in which something is written. */
function leaves(event) {
  return event.key === "Escape" && !composes(event) && !event.defaultPrevented && !event.target?.value;
}

/** The same in the page's own place, once the platform's client is there; where it is not, that is said. */
export async function startIn(root, found = fdkClient()) {
  try {
    return await startModal(root, await found);
  } catch (error) {
    new CanvasView(root, { language: preferredLanguage() }).problem("problem_platform", "advice_platform", {}, false);
    if (error instanceof Problem) return null;
    throw error; // ours: it belongs into the console
  }
}

const root = document.getElementById("modal");
if (root) startIn(root);
