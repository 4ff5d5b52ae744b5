// FDK's client as little as the app needs it, for tests with canned answers: the ticket is named by `desk.open(id)`, the
// modal is an iframe beside, and templates are asked of the page's own server.

"use strict";
{
  const desk = (window.desk = window.parent === window ? newDesk() : window.parent.desk);
  const me = { receivers: [], window };
  desk.instances.push(me);

  function newDesk() {
    const made = { instances: [], listeners: {}, ticket: null, inserted: [], modalData: null, frame: null };
    made.emit = (name) => (made.listeners[name] ?? []).forEach((listener) => listener({ type: name }));
    made.open = (id) => ((made.ticket = id), made.emit("app.activated"));
    made.modal = (template, data) => {
      made.modalData = data;
      made.frame = document.createElement("iframe");
      Object.assign(made.frame, { className: "modal", width: 900, height: 640 });
      made.frame.src = `/app/${template}`;
      document.body.append(made.frame);
    };
    made.close = () => made.frame?.remove();
    return made;
  }

  const template = async (name, { context = {}, body } = {}) => {
    const request = { method: "POST", body: JSON.stringify({ context, body }) };
    const response = await fetch(`/template/${name}`, request);
    const answer = { status: response.status, headers: Object.fromEntries(response.headers), response: await response.text() };
    if (!response.ok) throw answer;
    return answer;
  };
  const triggers = {
    click: ({ id, text, value }) => desk.inserted.push(id === "reply" ? text : `${id} ${value}`),
    showModal: ({ template: file, data }) => desk.modal(file, structuredClone(data)),
    showNotify: () => {},
  };
  const client = {
    events: { on: (name, listener) => (desk.listeners[name] ??= []).push(listener) },
    data: {
      get: async (name) => {
        if (name === "ticket") return { ticket: desk.ticket && { id: desk.ticket } };
        if (name === "loggedInUser") return { loggedInUser: { id: 5, contact: { language: desk.language ?? "en" } } };
        if (name === "currentHost") return { currentHost: { endpoint_urls: { freshdesk: "https://acme.freshdesk.com" } } };
        throw { message: `no ${name}` };
      },
    },
    iparams: { get: async () => JSON.parse(document.documentElement.dataset.iparams ?? "null") ?? desk.iparams },
    interface: { trigger: async (action, options) => triggers[action](options) },
    instance: {
      context: async () => ({ location: me.window === parent ? "ticket_sidebar" : "modal", modalData: desk.modalData }),
      close: async () => desk.close(),
      send: async ({ message }) => {
        const told = structuredClone(message);
        for (const other of desk.instances) if (other !== me) other.receivers.forEach((hear) => hear({ helper: { getData: () => ({ message: told }) } }));
      },
      receive: (receiver) => me.receivers.push(receiver),
    },
    request: { invokeTemplate: template },
  };
  const settings = fetch("/iparams").then((response) => response.json());
  window.app = { initialized: async () => (Object.assign(desk, await settings), client) };
}
