// A stand-in of FDK's client: what `{{{appclient}}}` becomes in the pages of the app. It knows nothing; it asks the page
// around the frame (app_frames.js) through a channel that the two agree on, and hands on the events that come from there.

"use strict";
{
  const listeners = new Map();
  const receivers = [];
  const waiting = new Map();
  let number = 0;

  const connected = new Promise((resolve) => {
    const hear = ({ source, data, ports }) => {
      if (source !== parent || data?.fdk !== "connected" || !ports[0]) return;
      removeEventListener("message", hear);
      ports[0].onmessage = ({ data: told }) => heard(told);
      resolve(ports[0]);
    };
    addEventListener("message", hear);
    // Nothing but a greeting: who embeds this page is not known yet.
    parent.postMessage({ fdk: "hello" }, "*");
  });

  function heard({ id, result, error, event, data, message }) {
    if (event) return (listeners.get(event) ?? []).forEach((listener) => listener(told(event, data)));
    if (message) return receivers.forEach((receiver) => receiver(told("instance.message", message)));
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    return error ? reject(error) : resolve(result);
  }

  function told(type, data) {
    return { type, helper: { getData: () => data, done() {}, fail() {} } };
  }

  async function call(method, ...args) {
    const port = await connected;
    return new Promise((resolve, reject) => {
      const id = (number += 1);
      waiting.set(id, { resolve, reject });
      port.postMessage({ id, method, args });
    });
  }

  const client = {
    events: {
      on(name, listener) {
        listeners.set(name, [...(listeners.get(name) ?? []), listener]);
        call("events.on", name);
      },
    },
    data: { get: (name) => call("data.get", name) },
    iparams: { get: (...keys) => call("iparams.get", ...keys) },
    interface: { trigger: (action, options = {}) => call("interface.trigger", action, options) },
    instance: {
      context: () => call("instance.context"),
      get: () => call("instance.get"),
      send: (message) => call("instance.send", message),
      receive: (receiver) => receivers.push(receiver),
      resize: (size) => call("instance.resize", size),
      close: () => call("instance.close"),
    },
    db: {
      get: (key) => call("db.get", key),
      set: (key, value) => call("db.set", key, value),
      update: (key, ...change) => call("db.update", key, ...change),
      delete: (key) => call("db.delete", key),
    },
    request: { invokeTemplate: (name, options = {}) => call("request.invokeTemplate", name, options) },
  };
  // A page that installs the app has functions which the platform calls: this one shows the settings as they are.
  addEventListener("load", async () => window.getConfigs?.(await client.iparams.get()));
  window.app = { initialized: () => connected.then(() => client) };
}
