// What Freshdesk looks like to the app: FDK's client as the documentation describes it. Request templates are those of
// config/requests.json, sent for real to `serve`; whatever a test wants otherwise it puts in `changes`.

import { readFileSync } from "node:fs";

const TEMPLATES = JSON.parse(readFileSync(new URL("../config/requests.json", import.meta.url), "utf8"));
export const IPARAMS = { backend: "canvas.example.com", freshdesk_domain: "acme.freshdesk.com", language: "auto" };
export const USER = { loggedInUser: { id: 42, contact: { language: "ko" } } };
const PLACE = { currentHost: { endpoint_urls: { freshdesk: "https://acme.freshdesk.com" } } };
const API_KEY = "secret-api-key";

/** `{client, calls, fire(event), ticket}`: the client, what was asked of the interface, and a way to make events. */
export function platform({ serve = "", iparams = IPARAMS, user = USER, location = "ticket_sidebar", changes = {} } = {}) {
  const listeners = {};
  const calls = [];
  const desk = { calls, ticket: 7, receivers: [], fire: (name) => listeners[name]?.forEach((listener) => listener()) };
  const data = { loggedInUser: async () => user, currentHost: async () => PLACE, ticket: async () => ({ ticket: { id: desk.ticket } }) };
  const store = new Map();
  desk.client = {
    events: { on: (name, listener) => (listeners[name] ??= []).push(listener) },
    data: { get: (name) => data[name]() },
    iparams: { get: async () => iparams },
    instance: {
      context: async () => ({ location }),
      send: async ({ message }) => calls.push(["send", message]),
      receive: (listener) => desk.receivers.push(listener),
    },
    interface: { trigger: async (action, options) => calls.push([action, options]) },
    request: { invokeTemplate: (name, request) => invoke(serve, { ...iparams, api_key: API_KEY }, name, request) },
    db: {
      get: async (key) => store.get(key) ?? Promise.reject({ status: 404, message: "Record not found" }),
      set: async (key, value) => store.set(key, value),
    },
    ...changes,
  };
  return desk;
}

/** As the platform does it: resolves to `{status, headers, response}`, and rejects with the same where it is no success. */
async function invoke(serve, iparam, name, { context = {}, body } = {}) {
  const { schema } = TEMPLATES[name];
  const filled = (text) => text.replace(/<%=\s*(\w+)\.(\w+)\s*%>/g, (_, kind, key) => ({ context, iparam })[kind][key]);
  const headers = Object.fromEntries(Object.entries(schema.headers ?? {}).map(([key, value]) => [key, filled(value)]));
  const query = schema.query ? `?${new URLSearchParams(schema.query)}` : "";
  const answer = await fetch(serve + filled(schema.path) + query, { method: schema.method, headers, body }).catch(() => {
    throw { status: 502, response: "Bad gateway" };
  });
  const told = { status: answer.status, headers: Object.fromEntries(answer.headers), response: await answer.text() };
  if (!answer.ok) throw told;
  return told;
}
