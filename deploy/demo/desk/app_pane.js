// Where the Freshdesk app lies in the desk: the sidebar's frame with a handle to make it wider, the app's modal, and its
// pages for admins.

import { AppFrames, frameOrigin } from "/desk/static/app_frames.js";
import { Platform } from "/desk/static/platform.js";

/** Freshdesk's sidebar, as narrow and as wide as it gets; a step of the keyboard. */
const [NARROWEST_PX, WIDEST_PX, STEP_PX] = [280, 400, 20];
const INSTALL_PAGE = "config/iparams.html";

export class AppPane {
  #frames;
  #page;
  #app;
  #elements;

  /**
   * `elements`: `frame`, `handle`, `shell` (carries the width), `modal` and `full` (dialogs that hold a frame each);
   * `page` is what the platform can do with the desk (see platform.js); `app` is the desk's configuration of the app.
   */
  static async open(elements, page, app) {
    return new AppPane(elements, page, app, await frameOrigin(app.frames));
  }

  constructor(elements, page, app, origin) {
    this.#elements = elements;
    this.#page = page;
    this.#app = app;
    const { modal, full } = elements;
    const platform = new Platform({
      ...page,
      iparams: () => ({ ...app.iparams, backend: location.host }),
      frames: () => this.#frames,
      modal: (instance, { title, template, data }) => this.#modal(instance, title, template, data),
      closeModal: () => modal.close(),
    });
    const answer = (...call) => platform.answer(...call);
    this.#frames = new AppFrames({ origin, answer, active: () => page.ticket() !== null });
    for (const dialog of [modal, full]) dialog.addEventListener("close", () => this.#frames.close(frameIn(dialog)));
    this.#resizable();
    const { ticket_sidebar: sidebar } = app.locations;
    this.#frames.open(elements.frame, `app/${sidebar}`, { location: "ticket_sidebar" });
  }

  /** Another ticket is open, or none. */
  ticketChanged(before) {
    if (before !== null) this.emit("app.deactivated");
    if (this.#page.ticket()) this.emit("app.activated");
  }

  /** Something that Freshdesk tells its apps. */
  emit(event, data) {
    this.#frames.emit(event, data);
  }

  /** The agent has another language: Freshdesk loads its page anew. */
  reload() {
    this.#frames.reload(this.#elements.frame);
  }

  /** A page of the app by its location: `full_page_app` or `install`. */
  showPage(name, title) {
    const path = name === "install" ? INSTALL_PAGE : `app/${this.#app.locations[name]}`;
    this.#show(this.#elements.full, title, path, { location: name });
  }

  #modal({ instanceId }, title, template, data) {
    this.#show(this.#elements.modal, title, `app/${template}`, { location: "modal", parentId: instanceId, modalData: data });
  }

  #show(dialog, title, path, context) {
    dialog.querySelector("h2").textContent = title;
    this.#frames.open(frameIn(dialog), path, context);
    if (!dialog.open) dialog.showModal();
  }

  #resizable() {
    const { handle, shell } = this.#elements;
    const width = () => Number(handle.getAttribute("aria-valuenow"));
    const set = (px) => {
      const fitting = Math.round(Math.min(WIDEST_PX, Math.max(NARROWEST_PX, px)));
      shell.style.setProperty("--app-width", `${fitting}px`);
      handle.setAttribute("aria-valuenow", fitting);
    };
    handle.addEventListener("keydown", ({ key }) => {
      const by = { ArrowLeft: STEP_PX, ArrowRight: -STEP_PX }[key];
      if (by) set(width() + by);
    });
    handle.addEventListener("pointerdown", ({ pointerId }) => {
      handle.setPointerCapture(pointerId);
      const drag = ({ clientX }) => set(shell.getBoundingClientRect().right - clientX);
      handle.addEventListener("pointermove", drag);
      handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", drag), { once: true });
    });
  }
}

function frameIn(dialog) {
  return dialog.querySelector("iframe");
}
