// What an agent asks for beside the Canvas: an answer to a question, or a reply as it wishes. Both are runs whose events
// are followed to their end, over broken connections too; where only the platform may ask, the answer comes as a whole.

import { isStream, parsed, Problem } from "./problem.js";
import { follow } from "./stream.js";

export const ANSWER = "/query/stream";
export const REPLY = "/generate_reply/stream";

/**
 * Ask, and follow the run. Resolves to `{result, run}`: what the event `answer` or `reply` brought, and the run's name.
 *
 * `on` hears what comes before: `delta(text)`, `reset()`, `sources(list)`, `cut()`, `waiting()`, `begun()`.
 */
export async function asked(api, path, body, { signal, on = {} }) {
  const first = await api.ask(path, body, { signal });
  const run = first.headers.get("Location") ?? first.headers.get("Canvas-Run") ?? "";
  if (!isStream(first)) return { result: await whole(first), run };
  const open = (lastEventId) => api.events(run, { lastEventId, signal });
  let result = null;
  for await (const { event, data } of follow({ open, first, signal, onCut: () => on.cut?.() })) {
    signal.throwIfAborted();
    const value = parsed(data);
    if (event === "error") throw new Problem(value);
    if (event === "answer" || event === "reply") result = value;
    else tell(on, event, value);
  }
  if (!result) throw new Problem({ status: 502, type: "no-answer" });
  return { result, run };
}

/** What the platform brought: the answer without the events that led to it. */
async function whole(response) {
  return parsed(await response.text());
}

function tell(on, event, value) {
  if (event.endsWith(".delta")) on.delta?.(value.text);
  else if (event === "reset") on.reset?.();
  else if (event === "sources") on.sources?.(value);
  else if (event === "waiting") on.waiting?.();
  else if (event === "started") on.begun?.();
}
