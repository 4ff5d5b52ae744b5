// Calls of Freshdesk's client, made bearable: each ends, each failure is a `Problem`, and what the platform rejects with
// (its shape is not documented in full) is read in whatever shape it comes.

import { Problem } from "../serve/problem.js";

/** The platform answers from memory or with one small request; after this long (ms) it will not answer any more. */
export const CALL_MS = 5000;
/** A request template may take 15 s, and be tried again once after half a second. */
export const TEMPLATE_MS = 32_000;
/** The platform's limits are per minute. */
const LIMITED_MS = 30_000;
/** The client waits for the page around the frame, which may be slow to load. */
const CLIENT_MS = 15_000;

/** Resolves to FDK's client, or throws a `Problem`. */
export function fdkClient(app = globalThis.app, ms = CLIENT_MS) {
  return bounded(() => {
    if (!app) throw new Problem({ type: "platform", title: "FDK's client script is missing" });
    return typeof app.initialized === "function" ? app.initialized() : app.initialized;
  }, ms);
}

/** What `call()` resolves to, or a `Problem` of the type `platform` where it fails or does not answer in time. */
export async function bounded(call, ms = CALL_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Problem({ type: "platform", title: "No answer" })), ms);
  });
  try {
    return await Promise.race([call(), late]);
  } catch (error) {
    throw error instanceof Problem ? error : new Problem({ type: "platform", title: wordsOf(error) });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A request by template: `{status, headers, body}`, of a backend's refusal too, since it is an answer. Where there was
 * none (the template is missing, the platform's limit is reached, the backend can't be reached), a `Problem`.
 */
export function invoked(client, name, context = {}, body = undefined, ms = TEMPLATE_MS) {
  const request = body === undefined ? { context } : { context, body: textOf(body) };
  const call = () => client.request.invokeTemplate(name, request).then(answered, refused);
  return bounded(call, ms);
}

/** The JSON of a template's answer; a refusal is thrown as the `Problem` that it is. */
export function jsonOf({ status, headers, body }) {
  const found = parsed(body);
  if (status >= 400) throw new Problem({ ...found, status, retryAfterMs: retryAfter(headers) });
  if (found === null) throw new Problem({ status: 502, type: "not-json" });
  return found;
}

/** What another instance of the app (the modal, the sidebar) has sent, out of what `client.instance.receive` hears. */
export function messageOf(event) {
  const data = event?.helper?.getData?.() ?? event;
  return data?.message ?? data;
}

function answered({ status, headers, response }) {
  return { status: Number(status) || 200, headers: headersOf(headers), body: textOf(response) };
}

/** A rejection that carries a backend's answer is one; anything else says that the platform could not ask. */
function refused(error) {
  const { status: given, headers: lines, response = "" } = error ?? {};
  const [headers, body] = [headersOf(lines), textOf(response)];
  const status = Number(given) >= 400 ? Number(given) : 0;
  if (status && parsed(body)?.type) return { status, headers, body };
  throw new Problem({ status, title: wordsOf(error), ...platformProblem(status, headers) });
}

function platformProblem(status, headers) {
  if (status !== 429) return { type: "platform" };
  return { type: "rate-limited", retryAfterMs: retryAfter(headers) || LIMITED_MS };
}

function retryAfter(headers) {
  return 1000 * (Number(headers["retry-after"]) || 0);
}

/** By lower-case names, as text; what fits into no `Response` is left out. */
function headersOf(headers) {
  const entries = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  return Object.fromEntries(entries.filter(([name, value]) => /^[\w-]+$/.test(name) && /^[\t -~]*$/.test(value)));
}

function textOf(response) {
  return typeof response === "string" ? response : JSON.stringify(response ?? "");
}

function parsed(text) {
  try {
    const found = JSON.parse(text);
    return typeof found === "object" ? found : null;
  } catch {
    return null;
  }
}

function wordsOf(error) {
  const words = error?.message ?? error?.response ?? error ?? "";
  return (typeof words === "string" ? words : JSON.stringify(words)).slice(0, 200);
}
