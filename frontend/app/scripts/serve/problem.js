// What can go wrong when serve is asked: one class for its problem documents (RFC 9457) and for the network, and the
// texts that tell an agent about each.

const PREFIX = "urn:prompt-canvas:";
/** Codes of tickets that are not there: nothing that is remembered of them may stay on the page. */
const GONE = { "ticket-missing": "missing", "ticket-deleted": "deleted", "ticket-spam": "spam" };
/** Whether a problem says that. */
export const isGone = ({ code }) => Object.hasOwn(GONE, code);
/** Codes with texts of their own. */
const NAMED = ["unauthorized", "forbidden", "network", "offline", "blocked", "platform", "settings"];
/** What a status says where the code says nothing. */
const BY_STATUS = { 429: "limited", 504: "late" };

/** An answer that is no success: `code` is stable, `status` 0 means that nothing answered. */
export class Problem extends Error {
  constructor({ status = 0, type = "", title = "", detail = "", retryAfterMs = 0 }) {
    super(detail || title || type);
    this.name = "Problem";
    this.status = status;
    // An answer may come from a proxy that has its own idea of a problem.
    const named = String(type);
    this.code = named.startsWith(PREFIX) ? named.slice(PREFIX.length) : named || `http-${status}`;
    this.title = title;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether asking again later may help. */
  get transient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The problem that a response tells. */
export async function problemOf(response) {
  const document = await response.json().catch(() => ({}));
  const retryAfterMs = 1000 * (Number(response.headers.get("Retry-After")) || 0);
  return new Problem({ ...document, status: response.status, retryAfterMs });
}

/** The problem of a request that nothing answered: the machine is offline, or the server can't be reached. */
export function networkProblem(error) {
  const offline = globalThis.navigator?.onLine === false;
  return new Problem({ type: offline ? "offline" : "network", title: String(error?.message ?? error) });
}

/** An error as a `Problem`: one that is none is a mistake of ours, or an event out of shape, and stands in the console. */
export function problemIn(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem({ status: 500, type: "unexpected" });
}

/** Keys of a problem's title and advice: `["problem_network", "advice_network"]`. */
export function textsOf(problem) {
  const code = blamed(problem);
  if (isGone(problem)) return [`problem_${GONE[code]}`, `advice_${GONE[code]}`];
  if (NAMED.includes(code)) return [`problem_${code}`, `advice_${code}`];
  if (code.startsWith("freshdesk")) return ["problem_freshdesk", "advice_unavailable"];
  const known = BY_STATUS[problem.status] ?? (problem.transient ? "unavailable" : "other");
  return [`problem_${known}`, `advice_${known}`];
}

/** What the platform could not reach is our server, and what serve has ended for want of listeners is a line that was cut. */
function blamed({ code, status }) {
  return (code === "platform" && status >= 500) || code === "run-cancelled" ? "network" : code;
}

/** What these texts are filled with. */
export function valuesOf(problem) {
  return { title: problem.title || problem.message, seconds: Math.max(1, Math.ceil(problem.retryAfterMs / 1000)) };
}

/** Whether a response is an event stream. */
export function isStream(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith("text/event-stream");
}

/** The JSON of an event or an answer. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem({ status: 502, type: "not-json" });
  }
}
