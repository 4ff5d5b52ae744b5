// Whether a text fits into the place that it gets depends on the width of the sidebar, which changes: so it is measured each
// time the browser has laid it out anew, before that is painted. A frame that is not shown has no sizes; they come later.

const measures = new WeakMap();
let observer = null;

/** Call `measure()` whenever an element's size has changed, the first time when it has one, for as long as it is on the page. */
export function whenSized(element, measure) {
  if (!globalThis.ResizeObserver) return;
  observer ??= new ResizeObserver((entries) => entries.forEach(({ target }) => sized(target)));
  measures.set(element, measure);
  observer.observe(element);
}

function sized(element) {
  if (element.isConnected) measures.get(element)();
  else observer.unobserve(element);
}
