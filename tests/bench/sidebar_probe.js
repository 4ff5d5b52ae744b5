// Runs in the sidebar's frame before the app does. Notes when the app is told of a ticket (`app.activated`), when serve's
// events come in, when the summary's words are painted, and how much of the page has moved meanwhile.
//
//   window.openings   [{at, painted, wordsCame, events: [[name, at]], shift}], times by performance.now(), 0 = not yet

"use strict";
{
  const openings = (window.openings = []);
  const current = () => openings.at(-1);

  const words = () => {
    const body = document.querySelector(".pc-part-summary .pc-body");
    return body?.closest("[hidden]") ? "" : (body?.textContent.trim() ?? "");
  };

  function activated() {
    openings.push({ at: performance.now(), before: words(), painted: 0, seen: false, events: [], shift: 0 });
  }

  let app;
  Object.defineProperty(window, "app", {
    get: () => app,
    set(given) {
      app = { initialized: async () => watched(await given.initialized()) };
    },
  });

  function watched(client) {
    const noting = (listener) => (event) => (activated(), listener(event));
    const on = (name, listener) => client.events.on(name, name === "app.activated" ? noting(listener) : listener);
    return { ...client, events: { on } };
  }

  /** A frame is painted between its callback and the first task after it. */
  const painting = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now());
        port2.postMessage(null);
      });
    });

  new MutationObserver(async () => {
    const opening = current();
    const said = words();
    if (!opening || opening.seen || !said || said === opening.before) return;
    opening.seen = true;
    opening.painted = await painting();
  }).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"] });

  const ask = window.fetch.bind(window);
  window.fetch = async (...request) => {
    const response = await ask(...request);
    if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) note(response.clone(), current());
    return response;
  };

  async function note({ body }, opening) {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const piece of body) {
      const at = performance.now();
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("event:")) opening?.events.push([line.slice(6).trim(), at]);
    }
  }

  const moved = ({ value, hadRecentInput }) => {
    if (current() && !hadRecentInput) current().shift += value;
  };
  new PerformanceObserver((list) => list.getEntries().forEach(moved)).observe({ type: "layout-shift", buffered: true });
}
