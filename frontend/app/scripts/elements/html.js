// A text with Markdown as what leaves the sidebar: the HTML that Freshdesk's editor takes, and plain text for where only
// that is taken. Both are made from what the one renderer makes (markdown.js), element by element, and know no others.

import { markdown } from "./markdown.js";

/** Elements that the editor gets, each without attributes but those named. */
const TAGS = { P: [], UL: [], OL: ["start"], LI: [], STRONG: [], CODE: [], A: ["href"] };

/** The HTML of a text. */
export function htmlOf(text) {
  return markdown(text).map(serialized).join("");
}

/** A text without its signs: items keep their dash or number, and links their address. */
export function plainOf(text) {
  return markdown(text).map(plain).join("\n\n");
}

/** The HTML of words that are no Markdown, with their paragraphs and line breaks. */
export function paragraphsOf(words) {
  const paragraphs = words.split(/\n\s*\n/).map((paragraph) => escaped(paragraph.trim()).replaceAll("\n", "<br>"));
  return paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join("");
}

/** A link as HTML; only its words where the address is not http(s). */
export function linkHtml(address, words) {
  const url = URL.canParse(address) ? new URL(address) : null;
  const safe = url && ["http:", "https:"].includes(url.protocol);
  return safe ? `<p><a href="${escaped(url.href)}">${escaped(words)}</a></p>` : paragraphsOf(words);
}

function serialized(node) {
  if (node.nodeType === Node.TEXT_NODE) return escaped(node.data).replaceAll("\n", "<br>");
  const content = [...node.childNodes].map(serialized).join("");
  const named = TAGS[node.tagName];
  if (!named) return content;
  const tag = node.tagName.toLowerCase();
  const attributes = named.map((name) => ` ${name}="${escaped(node.getAttribute(name))}"`).join("");
  return `<${tag}${attributes}>${content}</${tag}>`;
}

function plain(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  const { tagName, childNodes, start } = node;
  if (tagName === "UL") return [...childNodes].map((item) => `- ${plain(item)}`).join("\n");
  if (tagName === "OL") return [...childNodes].map((item, index) => `${start + index}. ${plain(item)}`).join("\n");
  if (node.matches(".pc-leads")) return "";
  const content = [...childNodes].map(plain).join("");
  return tagName === "A" ? `${content} (${node.getAttribute("href")})` : content;
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
