// What an agent asks for beside the Canvas: an answer to a question, or a reply as it wishes. Both are runs whose events
// are followed to their end, over broken connections too; where only the platform may ask, the answer comes as a whole.

import { runOf } from "./api.js";
import { isStream, parsed, Problem } from "./problem.js";
import { follow } from "./stream.js";

export const ANSWER = "/query/stream";
export const REPLY = "/generate_reply/stream";
const NOBODY_WAITED = "run-cancelled";

/**
 * Ask, and follow the run. Resolves to `{result, run}`: what the event `answer` or `reply` brought, and the run's name.
 *
 * `on` hears what comes before: `delta(text)`, `reset()`, `sources(list)`, `cut()`, `waiting()`, `begun()`.
 */
export async function asked(api, path, body, options) {
  try {
    return await ran(api, path, body, options);
  } catch (error) {
    // Serve ends what nobody follows: the line was cut for longer than that, but the agent still waits.
    if (error.code !== NOBODY_WAITED) throw error;
    options.on?.reset?.();
    return ran(api, path, body, options);
  }
}

async function ran(api, path, body, { signal, on = {} }) {
  const first = await api.ask(path, body, { signal });
  const run = runOf(first.headers);
  const result = isStream(first) ? await followed(api, { first, run, signal, on }) : await whole(first);
  if (!result) throw new Problem({ status: 502, type: "no-answer" });
  return { result, run };
}

async function followed(api, { first, run, signal, on }) {
  const open = (lastEventId) => api.events(run, { lastEventId, signal });
  let result = null;
  for await (const { event, data } of follow({ open, first, signal, onCut: () => on.cut?.() })) {
    signal.throwIfAborted();
    const value = parsed(data);
    if (event === "error") throw new Problem(value);
    if (event === "answer" || event === "reply") result = value;
    else tell(on, event, value);
  }
  return result;
}

/** What the platform brought: the answer without the events that led to it. */
async function whole(response) {
  return parsed(await response.text());
}

const WORDS = ["answer.delta", "reply.delta"];
const HEARD = { reset: "reset", sources: "sources", waiting: "waiting", started: "begun" };

function tell(on, event, value) {
  if (WORDS.includes(event)) on.delta?.(value.text);
  else on[HEARD[event]]?.(value);
}
