// Tries the connection before it is stored: `POST /session` with what was typed, as the app's pages will do it later. It
// asks for an admin's rights: where they alone are refused, the key is right, and the admin page will not work.
//
// Whether a template may take its host and headers from the page here is not documented alike everywhere. So where the
// platform does not send the request, the page asks the backend directly; where that is not allowed either (CORS), the
// answer is "unknown", and the admin decides.

const WITHIN_MS = 17_000;
const CODE = /^urn:prompt-canvas:/;
const KNOWN = { unauthorized: "refused", forbidden: "ok", "rate-limited": "limited" };

/**
 * `{state, admin, says}` of `values {backend, freshdesk_domain, api_key}`: `ok`, `refused` (domain or key), `otherAccount`,
 * `limited`, `freshdesk` (does not answer the backend), `notCanvas` (something else answers), `network` (nothing
 * answers) or `unknown` (it can't be asked from here). `says` are the backend's own words.
 */
export async function check(values, { client, fetch = globalThis.fetch?.bind(globalThis) }) {
  const asked = (await byTemplate(values, client)) ?? (await directly(values, fetch));
  return judged(asked, values);
}

/** Store on the backend what it applies itself; resolves to whether it did. */
export function saveSettings(values, settings, { client }) {
  const request = { context: contextOf(values), body: JSON.stringify(settings) };
  const sent = client && client.request.invokeTemplate("install_settings", request);
  return Promise.resolve(sent ?? Promise.reject(new Error("no client"))).then(
    () => true,
    () => false,
  );
}

function contextOf({ backend, freshdesk_domain, api_key }) {
  return { backend, freshdesk_domain, api_key };
}

/** `{status, body}`, or null where the platform has not sent it. */
async function byTemplate(values, client) {
  if (!client) return null;
  try {
    const request = client.request.invokeTemplate("install_session", { context: contextOf(values) });
    const { status, response } = await within(request);
    return { status: Number(status), body: parsed(response) };
  } catch (error) {
    return refusal(Object(error));
  }
}

/** What a rejection tells: a refusal of the backend, that nothing answers there, or that nothing was sent. */
function refusal({ status: code, response }) {
  const [status, body] = [Number(code) || 0, parsed(response)];
  if (CODE.test(Object(body).type)) return { status, body };
  return status >= 500 ? { status, body: null } : null;
}

async function directly({ backend, freshdesk_domain, api_key }, fetch) {
  const headers = { "X-Freshdesk-Domain": freshdesk_domain, "X-Freshdesk-API-Key": api_key };
  const scheme = globalThis.location?.protocol === "http:" && backend.includes(":") ? "http" : "https";
  try {
    const request = fetch(`${scheme}://${backend}/session?admin=true`, { method: "POST", headers, cache: "no-store" });
    const response = await within(request);
    return { status: response.status, body: parsed(await response.text()) };
  } catch {
    return null; // the browser does not say whether it was not allowed or nothing answered
  }
}

function judged(asked, values) {
  if (!asked) return { state: "unknown" };
  const { status, body } = asked;
  if (status === 200) return welcomed(Object(body), values);
  const { type = "", title = "", detail = title } = Object(body);
  return { state: stateOf(status, String(type).replace(CODE, "")), admin: false, says: String(detail).slice(0, 300) };
}

function welcomed(body, { freshdesk_domain: domain }) {
  if (typeof body.token !== "string") return { state: "notCanvas" };
  return body.host === domain ? { state: "ok", admin: body.admin === true } : { state: "otherAccount" };
}

function stateOf(status, code) {
  if (KNOWN[code]) return KNOWN[code];
  if (code.startsWith("freshdesk")) return "freshdesk";
  return status >= 500 ? "network" : "notCanvas";
}

function parsed(text) {
  try {
    const found = typeof text === "string" ? JSON.parse(text) : text;
    return typeof found === "object" ? found : null;
  } catch {
    return null;
  }
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("No answer"), { status: 504 })), WITHIN_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
