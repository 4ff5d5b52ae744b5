// Solution articles, and how they get into a reply. Functions from data to elements; `kit` is what parts share, see
// part_kit.js: what the host page can't do has no button (insert) or is a plain link (articles).

import { el, link } from "../elements/dom.js";
import { linkHtml } from "../elements/html.js";
import { button, quiet, snippet } from "../elements/pieces.js";

/** Solution articles; those that customers can't see say so, and can't be put into a reply. */
export function solutionsPart(solutions, kit) {
  if (!solutions.length) return [quiet(kit.t("noSolutions"))];
  const { openArticle } = kit.actions;
  const item = (article) => {
    const title = { class: "pc-title", "data-key": `article-${article.article_id}`, title: article.title };
    const open = openArticle && (() => openArticle(article.article_id));
    return el(
      "li",
      {},
      link(article.url, article.title, title, open),
      !article.public && el("span", { class: "pc-chip" }, kit.t("agentsOnly")),
      article.cited > 0 && el("p", { class: "pc-meta" }, kit.t("cited", { count: article.cited })),
      article.snippet && snippet(article.snippet, `read-${article.article_id}`, kit),
      article.public && kit.actions.insert && solutionButtons(article, kit),
    );
  };
  return [el("ul", { class: "pc-items" }, solutions.map(item))];
}

function solutionButtons(article, kit) {
  const { article_id: item, title, url, snippet: words } = article;
  const put = (text, html) => (event) => kit.put(event.currentTarget, { text, html }, { kind: "solution", item });
  return el(
    "div",
    { class: "pc-buttons pc-small" },
    button(kit.t("insertLink"), `link-${item}`, "pc-link", put(`${title}: ${url}`, linkHtml(url, title))),
    words && button(kit.t("insertText"), `text-${item}`, "pc-link", put(words)),
  );
}
