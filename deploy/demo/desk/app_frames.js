// The app's frames in the desk's page. Each one is an instance of the app at a location; it greets, gets a channel of its
// own, and calls through that. Who has not been opened here, or comes from elsewhere, gets no answer.

const ROOT = "/app-assets";
/** The frame's own port may be out of reach, where only the desk's is forwarded. */
const PROBE_MS = 1500;
const ACTIVATED = "app.activated";
/** An app has its own origin, and no way to lead the desk elsewhere. */
const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox";

export class AppFrames {
  #origin;
  #answer;
  #active;
  #instances = new Map();
  #number = 0;

  /** `answer(instance, method, args)` answers calls; `active()` says whether a ticket is open. */
  constructor({ origin, answer, active }) {
    this.#origin = origin;
    this.#answer = answer;
    this.#active = active;
    addEventListener("message", (event) => this.#greeted(event));
  }

  /** Load a file of the package into an iframe. */
  open(iframe, path, { location, parentId = "", modalData = null }) {
    const instanceId = `instance-${(this.#number += 1)}`;
    const context = { instanceId, location, parentId, modalData };
    this.#instances.set(iframe, { ...context, context, iframe, port: null, listens: new Set() });
    // At the desk's own origin a sandbox would hold nothing: it could take itself off.
    if (this.#origin !== window.location.origin) iframe.setAttribute("sandbox", SANDBOX);
    iframe.src = `${this.#origin}${ROOT}/${path}`;
  }

  /** Empty an iframe. */
  close(iframe) {
    this.#instances.get(iframe)?.port?.close();
    this.#instances.delete(iframe);
    for (const name of ["sandbox", "src"]) iframe.removeAttribute(name);
  }

  /** Load a frame anew, as happens where the page around it is loaded anew. */
  reload(iframe) {
    const { src } = iframe;
    if (this.#instances.has(iframe)) iframe.src = src;
  }

  get all() {
    return [...this.#instances.values()];
  }

  /** Tell an event to every instance that listens to it. */
  emit(event, data = null) {
    for (const { port, listens } of this.all) if (listens.has(event)) port.postMessage({ event, data });
  }

  /** From one instance to another one, or to all others. */
  send(from, { message, receiver = "" }) {
    const told = { sender: { instanceId: from.instanceId, location: from.location }, message };
    const others = this.all.filter(({ port, instanceId }) => port && instanceId !== from.instanceId);
    const meant = receiver ? others.filter(({ instanceId }) => instanceId === receiver) : others;
    for (const { port } of meant) port.postMessage({ message: told });
  }

  #greeted({ source, origin, data }) {
    const instance = this.all.find(({ iframe }) => iframe.contentWindow === source);
    if (!instance || origin !== this.#origin || data?.fdk !== "hello") return;
    const { port1, port2 } = new MessageChannel();
    instance.port?.close();
    instance.port = port1;
    instance.listens.clear();
    port1.onmessage = ({ data: call }) => this.#called(instance, port1, call);
    source.postMessage({ fdk: "connected" }, origin, [port2]);
  }

  async #called(instance, port, { id, method, args }) {
    if (method === "events.on") return this.#listens(instance, args[0]);
    try {
      port.postMessage({ id, result: await this.#answer(instance, method, args) });
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? { status: 500, message: error.message } : error });
    }
  }

  /** Who starts to listen while a ticket is open hears of it at once. */
  #listens({ listens, port }, event) {
    listens.add(event);
    if (event === ACTIVATED && this.#active()) port.postMessage({ event });
  }
}

/** Where frames lie: at the port for frames if this browser reaches it by the desk's own name, else at the desk's. */
export async function frameOrigin(frames) {
  const beside = frames.find((origin) => new URL(origin).hostname === location.hostname);
  if (!beside) return location.origin;
  const probe = fetch(`${beside}${ROOT}/fdk_client.js`, { mode: "no-cors", signal: AbortSignal.timeout(PROBE_MS) });
  return probe.then(
    () => beside,
    () => location.origin,
  );
}
