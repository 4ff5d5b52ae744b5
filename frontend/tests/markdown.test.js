// The Markdown that models may use, and the text that everything else stays.

import assert from "node:assert/strict";
import { test } from "vitest";

import { htmlOf, linkHtml, markdown, vetted } from "../app/scripts/markdown.js";
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
  assert.deepEqual(shapes("a [1] b [2]", { cite }), [["p", "a ", ["sup"], " b ", "[2]"]]);
  assert.deepEqual(shapes("a [1]"), [["p", "a ", "[1]"]]);
});

test("long and unbalanced signs cost no time", () => {
  const began = performance.now();
  for (const sign of ["**", "[", "`", "[a](", "- ", "**a", "[a]"]) markdown(sign.repeat(5000));
  assert.ok(performance.now() - began < 2000);
});

test("the editor gets escaped paragraphs, and links with addresses that are safe", () => {
  assert.equal(htmlOf('a\nb & <i>\n\n"c"'), "<p>a<br>b &#38; &#60;i&#62;</p><p>&#34;c&#34;</p>");
  assert.equal(linkHtml("https://a.example/?x=1&y=2", "<A>"), '<p><a href="https://a.example/?x=1&#38;y=2">&#60;A&#62;</a></p>');
  assert.equal(linkHtml("javascript:x", "A"), "<p>A</p>");
});
