// The status line's words for each turn of a sidebar: `[kind, key, values]`, as a view's `say` takes them.

import { duration } from "../texts/texts.js";

/** While a run is followed; `canvas` is what is on the page meanwhile, or null. */
export function runLine({ canvas, ms }) {
  return canvas ? ["busy", "refreshing", { ms: duration(ms) }] : ["stream", "waiting", {}];
}

/** What a run says of itself before it brings anything, or null where that is nothing for the line. */
export function eventLine(event, answer) {
  if (event === "waiting") return ["busy", "no_worker", {}];
  if (event === "started") return runLine(answer);
  return event === "queued" && !answer.canvas ? ["stream", "queued", {}] : null;
}

/** When all has come. `behind`: the ticket has changed since; `looking`: that is looked for; `news`: it is in already. */
export function restLine({ stale, ms }, story, { behind, looking, news }) {
  if (behind) return ["busy", looking ? "changed" : "behind", {}];
  if (stale) return ["quiet", "behind", {}];
  if (!story) return ["hit", news ? "updated" : "hit", { ms: duration(ms) }];
  if (story.refreshing) return ["hit", "refreshed", { ms: duration(story.ms) }];
  return ["hit", "streamed", { ms: duration(story.ms) }];
}

/** When something went wrong; `again` says that it is tried again soon, `until` when that will be (or null). */
export function troubleLine([title], values, { again, until, translate }) {
  const filled = { ...values, title: translate(title), until };
  return again ? ["busy", "retrying", filled] : ["bad", title, { ...values, until }];
}
