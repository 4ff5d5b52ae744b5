// The Markdown that models may use, and the text that everything else stays.

import assert from "node:assert/strict";
import { test } from "vitest";

import { htmlOf, linkHtml, paragraphsOf, plainOf } from "../app/scripts/elements/html.js";
import { vetted } from "../app/scripts/elements/inline.js";
import { GrowingMarkdown, markdown, textElement } from "../app/scripts/elements/markdown.js";
import { openPage } from "./document.js";

openPage();
const shape = (node) => (node instanceof Element ? [node.localName, ...[...node.childNodes].map(shape)] : (node.data ?? node));
const shapes = (text, options) => markdown(text, options).map(shape);

test("paragraphs, lists, bold and code", () => {
  assert.deepEqual(shapes("One\nline\n\n- **a**\n- `b`\n2. c\n3) d"), [
    ["p", "One\nline"],
    ["ul", ["li", ["strong", "a"]], ["li", ["code", "b"]]],
    ["ol", ["li", "c"], ["li", "d"]],
  ]);
  assert.equal(markdown("2. c")[0].getAttribute("start"), "2");
});

test("a link leads to a public https address, and shows where", () => {
  const [paragraph] = markdown("See [the guide](https://help.example.com/a?b=1) or [x](http://a.example).");
  const [anchor] = paragraph.querySelectorAll("a");
  assert.equal(anchor.getAttribute("href"), "https://help.example.com/a?b=1");
  assert.match(anchor.rel, /noopener noreferrer/);
  assert.match(paragraph.textContent, /the guide \(help\.example\.com\) or \[x\]\(http:\/\/a\.example\)/);
  const own = markdown("[help.example.com](https://help.example.com/)")[0];
  assert.equal(own.textContent, "help.example.com");
});

test("no other address is followed", () => {
  const bad = ["javascript:x", "data:text/html,x", "http://a.example", "https://u:p@a.example", "https://1.2.3.4", "https://[::1]/",
    "https://localhost", "//a.example", "x"]; // prettier-ignore
  assert.deepEqual(bad.map(vetted), bad.map(() => null));
  assert.equal(vetted("https://한국.example/")?.protocol, "https:");
});

test("citations are what the caller makes of them", () => {
  const cite = (number) => (number === 1 ? document.createElement("sup") : null);
  assert.deepEqual(shapes("a [1] b [2]", { cite }), [["p", "a ", ["sup"], " b [2]"]]);
  assert.deepEqual(shapes("a [1]"), [["p", "a [1]"]]);
});

test("long and unbalanced signs cost no time", () => {
  const began = performance.now();
  for (const sign of ["**", "[", "`", "[a](", "- ", "**a", "[a]"]) markdown(sign.repeat(5000));
  assert.ok(performance.now() - began < 2000);
});

/** Every way in which text is shown while it comes in pieces of one, two … characters. */
function whileGrowing(text, size, look) {
  const growing = new GrowingMarkdown();
  for (let at = 0; at < text.length; at += size) {
    growing.write(text.slice(at, at + size));
    look(growing.element);
  }
  growing.end();
  return growing.element;
}

test("what grows word by word becomes what it is as a whole", () => {
  const texts = ["**a** `b` [c](https://d.example/e) [1] [f](x)\n- g\n- **h\n\n2. i\n12 j\r\n**k", "- \n-\n*\n1.\n 3) x\n[1](y z) ` **", "a\n\n\nb\n- c\nd\n* e\n• f"];
  for (const text of texts)
    for (const size of [1, 2, 3, 7, 1000]) {
      const whole = document.createElement("div");
      whole.append(...markdown(text));
      assert.equal(whileGrowing(text, size, () => {}).innerHTML, whole.innerHTML, `${size}: ${text}`);
    }
});

test("no sign is shown that will be none, and what is unended looks as if it had ended", () => {
  const text = "Turn **off** the `router` and see\n- [the guide](https://a.example/g)\n1. **Then on**";
  const shown = new Set();
  whileGrowing(text, 1, (element) => shown.add(element.textContent));
  for (const words of shown) assert.doesNotMatch(words, /[*`[\]]|^-|\b1/, words);
  const growing = new GrowingMarkdown();
  growing.write("Turn **of");
  assert.equal(growing.element.innerHTML, "<p>Turn <strong>of</strong></p>");
  growing.write("f* `x");
  assert.equal(growing.element.innerHTML, "<p>Turn <strong>off* <code>x</code></strong></p>");
  growing.end();
  assert.equal(growing.element.innerHTML, "<p>Turn **off* `x</p>");
  growing.reset();
  growing.write("Again");
  assert.equal(growing.element.innerHTML, "<p>Again</p>");
});

test("words that have come stay where they are, and the whole text may stay in its element", () => {
  const growing = new GrowingMarkdown();
  growing.write("See [x](https://a.example/) and");
  const anchor = growing.element.querySelector("a");
  growing.write(" so **on**\n\n- more");
  assert.equal(growing.element.querySelector("a"), anchor);
  const kept = textElement("See [x](https://a.example/) and so **on**\n\n- more\n", { class: "done" }, { grown: growing });
  assert.ok(kept === growing.element && kept.className === "done");
  assert.notEqual(textElement("Another", {}, { grown: growing }), growing.element);
});

test("a text that grows costs no more for each word, whatever stands in it", () => {
  const began = performance.now();
  for (const sign of ["**", "[", "`", "[a](", "- ", " ", "a ", "[1]"]) whileGrowing(sign.repeat(2000), 4, () => {});
  assert.ok(performance.now() - began < 3000);
});

test("the editor gets what the sidebar shows: bold, lists, code, links", () => {
  const text = "**Off** & `on`\n- a\n- b\n\n3. [c](https://d.example/e?f=1&g=2)\n\n[x](javascript:y) <b>";
  const html =
    "<p><strong>Off</strong> &#38; <code>on</code></p><ul><li>a</li><li>b</li></ul>" +
    '<ol start="3"><li><a href="https://d.example/e?f=1&#38;g=2">c</a> (d.example)</li></ol><p>[x](javascript:y) &#60;b&#62;</p>';
  assert.equal(htmlOf(text), html);
  assert.equal(plainOf(text), "Off & on\n\n- a\n- b\n\n3. c (https://d.example/e?f=1&g=2)\n\n[x](javascript:y) <b>");
  assert.equal(paragraphsOf("**a**\nb\n\n- c"), "<p>**a**<br>b</p><p>- c</p>");
});

test("the editor gets escaped paragraphs, and links with addresses that are safe", () => {
  assert.equal(htmlOf('a\nb & <i>\n\n"c"'), "<p>a<br>b &#38; &#60;i&#62;</p><p>&#34;c&#34;</p>");
  assert.equal(linkHtml("https://a.example/?x=1&y=2", "<A>"), '<p><a href="https://a.example/?x=1&#38;y=2">&#60;A&#62;</a></p>');
  assert.equal(linkHtml("javascript:x", "A"), "<p>A</p>");
});
