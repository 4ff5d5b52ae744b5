// What an app puts into the editor is HTML; this desk's editor takes text.

const BLOCKS = "p, div, ul, ol, blockquote, h1, h2, h3, h4";

/** The words of HTML, with its paragraphs and line breaks. It is parsed in a document that runs and loads nothing. */
export function plainText(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const br of body.querySelectorAll("br")) br.replaceWith("\n");
  for (const item of body.querySelectorAll("ul > li")) item.prepend("- ");
  for (const list of body.querySelectorAll("ol")) [...list.children].forEach((item, index) => item.prepend(`${list.start + index}. `));
  for (const item of body.querySelectorAll("li")) item.append("\n");
  for (const block of body.querySelectorAll(BLOCKS)) block.append("\n\n");
  return body.textContent.replace(/\n{3,}/g, "\n\n").trim();
}
