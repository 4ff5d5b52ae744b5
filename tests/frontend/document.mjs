// As much of a document as the parts of a Canvas need in Node: elements with children, attributes and listeners.

export class Element {
  children = [];
  attributes = {};
  listeners = {};
  hidden = false;

  constructor(tag) {
    this.tag = tag;
  }

  setAttribute = (name, value) => (this.attributes[name] = value);
  addEventListener = (name, listener) => (this.listeners[name] = listener);
  append = (...children) => this.children.push(...children);
  replaceChildren = (...children) => (this.children = children);
  contains = () => false;

  get text() {
    return this.children.map((child) => child.text ?? String(child)).join(" ");
  }

  find(tag) {
    return this.children.flatMap((child) => (child.find ? [...(child.tag === tag ? [child] : []), ...child.find(tag)] : []));
  }
}

/** Let modules that make elements run in Node. */
export function useDocument() {
  globalThis.document = { createElement: (tag) => new Element(tag) };
}

/** The words of several elements, with single spaces. */
export function wordsOf(elements) {
  const texts = elements.filter(Boolean).map((element) => element.text ?? String(element));
  return texts.join(" ").replace(/\s+/g, " ").trim();
}
