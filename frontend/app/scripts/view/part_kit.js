// What the parts of the page share: texts, what the host page can do, and what a button does and says when it was
// pressed.

import { copyText } from "../elements/clipboard.js";
import { htmlOf, paragraphsOf, plainOf } from "../elements/html.js";

const DID_MS = 1600;
/** What buttons are called that say for a moment what they did. */
const names = new WeakMap();

/**
 * `{t, language, actions, did, copy, put, tell, announce}`.
 *
 * `actions.ask(body, {signal, on})` and `actions.generate(…)` are about the open ticket. `did(button, work, text)`
 * does a button's work and says on it whether it was done; `copy(markdown, button)` and `put(button, {text, html}, entry)`
 * are such works. `tell(entry)` is feedback, `announce(text)` is for who listens to the page.
 */
export function kitOf({ actions, ticketId, t, tell, announce, ...others }) {
  const about = (ask) => ask && ((body, options) => ask({ ...body, ticket_id: ticketId }, options));
  const did = async (button, work, text) => {
    // Who presses twice reads what was said, not the button's name.
    if (!names.has(button)) names.set(button, button.textContent);
    const done = (await work()) !== false;
    const said = t(done ? text : "notAllowed");
    button.textContent = said;
    announce(said);
    // The language may have changed meanwhile.
    setTimeout(() => button.textContent === said && (button.textContent = names.get(button)), DID_MS);
    return done;
  };
  const put = async (button, { text, html = paragraphsOf(text) }, entry) => {
    if (await did(button, () => actions.insert(html, { text }), "inserted")) tell({ ...entry, action: "inserted" });
  };
  return {
    ...others,
    t,
    actions: { ...actions, ask: about(actions.ask), generate: about(actions.generate) },
    did,
    copy: (text, button) => did(button, () => copyText(plainOf(text), htmlOf(text)), "copied"),
    put,
    tell,
    announce,
  };
}
