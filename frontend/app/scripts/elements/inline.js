// What may stand within a line of a model's text: **bold**, `code`, links, and citations such as [1]. It makes elements and
// text, never markup; whatever is not of this kind stays the text that it was.
//
// A line may still be growing: then what might become one of these waits in `rest` until its end has come.

import { el } from "./dom.js";

const INLINE = /\*\*(?=\S)([^\n]{1,500}?)\*\*|`([^`\n]{1,500})`|\[([^\]\n]{1,200})\]\(([^()\s]{1,1000})\)|\[(\d{1,2})\]/y;
/** Where one may begin; at the end of a growing line half of a sign, too. */
const SIGN = /\*\*|`|\[|\*$|\r$/g;
/** What has no end yet and may still get one, by its first sign; with the lengths of INLINE. */
const UNENDED = {
  "*": /^\*(?:\*(?:\S.{0,500})?)?$/su,
  "`": /^`[^`]{0,500}$/,
  "[": /^\[(?:[^\]]{0,200}|[^\]]{1,200}\](?:\([^()\s]{0,1000})?)$/,
  "\r": /^\r$/,
};
/** No unended one is longer. */
const LONGEST = 1210;

/**
 * `{nodes, rest}` of a line: text and elements of what is settled, and what is not, "" where the line is `whole`.
 * `cite(number)` makes the element of a citation, or null where there is no such source; without it `[1]` is text.
 */
export function inline(text, { cite = null, whole = true } = {}) {
  const nodes = [];
  let [start, at] = [0, nextSign(text, 0)];
  while (at < text.length) {
    const match = matchAt(text, at);
    if (!whole && mayGrow(match, text, at)) break;
    const element = match && elementOf(match, cite);
    const end = at + (match?.[0].length ?? 1);
    if (element) {
      nodes.push(text.slice(start, at), element);
      start = end;
    }
    at = nextSign(text, end);
  }
  return { nodes: [...nodes, text.slice(start, at)].filter((node) => node !== ""), rest: text.slice(at) };
}

/** What a `rest` looks like meanwhile: bold and code as if they ended here; a link waits for its address. */
export function asIfEnded(rest, { cite = null } = {}) {
  if (rest.startsWith("**")) return shownAs("strong", withRest(rest.slice(2).replace(/\*$/, ""), cite));
  return rest.startsWith("`") ? shownAs("code", [rest.slice(1)]) : [];
}

/** The address of a link that may be followed from a model's text, or null: https, a public name, no credentials. */
export function vetted(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url?.protocol !== "https:" || url.username || url.password) return null;
  return /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u.test(url.hostname) && !/^[\d.]+$/.test(url.hostname) ? url : null;
}

function nextSign(text, from) {
  SIGN.lastIndex = from;
  return SIGN.exec(text)?.index ?? text.length;
}

function matchAt(text, at) {
  INLINE.lastIndex = at;
  return INLINE.exec(text);
}

/** Whether more of the line may make another one of this; a number in brackets may still be the words of a link. */
function mayGrow(match, text, at) {
  if (match && match[5] === undefined) return false;
  return text.length - at <= LONGEST && UNENDED[text[at]].test(text.slice(at));
}

function shownAs(tag, nodes) {
  const found = nodes.filter((node) => node !== "");
  return found.length ? [el(tag, {}, found)] : [];
}

function withRest(text, cite) {
  const { nodes, rest } = inline(text, { cite, whole: false });
  return [...nodes, ...asIfEnded(rest, { cite })];
}

/** The element of a match, or null where it stays text. */
function elementOf([, bold, code, words, address, number], cite) {
  if (bold) return el("strong", {}, inline(bold, { cite }).nodes);
  if (code) return el("code", {}, code);
  if (number) return cite?.(Number(number)) ?? null;
  const url = vetted(address);
  if (!url) return null;
  const anchor = el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, words);
  // Where a link leads is seen, whatever its words say.
  return words.includes(url.hostname) ? anchor : el("span", {}, anchor, el("span", { class: "pc-leads" }, ` (${url.hostname})`));
}
