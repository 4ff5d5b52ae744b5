// The little Markdown that models may use: paragraphs, lists, **bold**, `code`, links, and citations such as [1]. It
// makes elements and text nodes, never markup; whatever is not of this kind stays the text that it was.

import { el } from "./dom.js";

const ITEM = /^\s{0,6}(?:[-*•]|(\d{1,3})[.)])\s+(\S.*)$/;
const INLINE = /\*\*(?=\S)([^\n]{1,500}?)\*\*|`([^`\n]{1,500})`|\[([^\]\n]{1,200})\]\(([^()\s]{1,1000})\)|\[(\d{1,2})\]/g;

/**
 * Elements of a text. `cite(number)` makes the element of a citation, or null where there is no such source; without it
 * `[1]` is text.
 */
export function markdown(text, { cite = null } = {}) {
  return blocks(text).map((block) => blockElement(block, cite));
}

/** The address of a link that may be followed from a model's text, or null: https, a public name, no credentials. */
export function vetted(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== "https:" || url.username || url.password) return null;
  return /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u.test(url.hostname) && !/^[\d.]+$/.test(url.hostname) ? url : null;
}

/** Paragraphs and lists, in order: `{lines}` or `{items, ordered, start}`. */
function blocks(text) {
  const found = [];
  let open = null;
  for (const line of text.split(/\r?\n/)) {
    const item = ITEM.exec(line);
    if (!line.trim()) open = null;
    else if (item) open = addItem(found, open, item);
    else open = addLine(found, open, line);
  }
  return found;
}

function addItem(found, open, [, number, words]) {
  const ordered = number !== undefined;
  if (open?.items && open.ordered === ordered) {
    open.items.push(words);
    return open;
  }
  const list = { items: [words], ordered, start: Number(number ?? 1) };
  found.push(list);
  return list;
}

function addLine(found, open, line) {
  if (open?.lines) {
    open.lines.push(line);
    return open;
  }
  const paragraph = { lines: [line] };
  found.push(paragraph);
  return paragraph;
}

function blockElement({ lines, items, ordered, start }, cite) {
  if (lines) return el("p", {}, inline(lines.join("\n"), cite));
  const rows = items.map((words) => el("li", {}, inline(words, cite)));
  return ordered ? el("ol", { start }, rows) : el("ul", {}, rows);
}

/** Text and elements of one line or paragraph. */
function inline(text, cite) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(end, match.index), inlineElement(match, cite));
    end = match.index + match[0].length;
  }
  return [...found, text.slice(end)].filter((part) => part !== "");
}

function inlineElement([all, bold, code, words, address, number], cite) {
  if (bold) return el("strong", {}, inline(bold, cite));
  if (code) return el("code", {}, code);
  if (number) return cite?.(Number(number)) ?? all;
  const url = vetted(address);
  if (!url) return all;
  const anchor = el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);
  // Where a link leads is seen, whatever its words say.
  return words.includes(url.hostname) ? anchor : el("span", {}, anchor, ` (${url.hostname})`);
}

/** A link as the HTML that Freshdesk's editor takes; only its words where the address is not http(s). */
export function linkHtml(address, words) {
  const url = URL.canParse(address) ? new URL(address) : null;
  const safe = url && ["http:", "https:"].includes(url.protocol);
  return safe ? `<p><a href="${escape(url.href)}">${escape(words)}</a></p>` : htmlOf(words);
}

/** A text as the HTML that Freshdesk's editor takes: escaped, with paragraphs and line breaks. */
export function htmlOf(text) {
  const paragraphs = escape(text).split(/\n\s*\n/).map((paragraph) => paragraph.trim().replaceAll("\n", "<br>"));
  return paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join("");
}

function escape(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
