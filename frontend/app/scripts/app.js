// The sidebar's start in Freshdesk: wait for the platform's client, ask what does not change, mount. What can't start
// says so in the sidebar's own place, with a way to try again.

import { fdkClient } from "./freshdesk/fdk_calls.js";
import { fdkHost } from "./freshdesk/fdk_host.js";
import { mountSidebar } from "./mount.js";
import { Problem, textsOf, valuesOf } from "./serve/problem.js";
import { preferredLanguage } from "./texts/texts.js";
import { CanvasView } from "./view/canvas_view.js";

/**
 * Mount the sidebar in `root`; resolves to what `mountSidebar` returns, or to null where the platform or its settings fail.
 * `storage` keeps Canvases for an agent whom the platform names: without a name they might be somebody else's.
 */
export async function start(root, { client = fdkClient(), storage = tabStorage() } = {}) {
  try {
    const host = await fdkHost(await client);
    // A token takes a round trip by the platform: it is on its way before the first ticket is named.
    host.credentials().catch(() => {});
    document.documentElement.lang = host.language();
    return mountSidebar(root, host, { base: host.base, storage: host.identity().agent ? storage : null });
  } catch (error) {
    fail(root, error);
    if (error instanceof Problem) return null;
    throw error; // ours: it belongs into the console
  }
}

function fail(root, error) {
  const problem = error instanceof Problem ? error : new Problem({ type: "platform" });
  const view = new CanvasView(root, { language: preferredLanguage(), actions: { retry: () => location.reload() } });
  const [title, advice] = textsOf(problem);
  view.problem(title, advice, valuesOf(problem), true);
  view.say("bad", title);
}

/** What lasts as long as the tab, or null where the browser forbids it. */
function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

const root = document.getElementById("sidebar");
if (root) start(root);
