// How a Canvas was made: by which models, with how many tokens, at what cost, in which stages.

import { el } from "../elements/dom.js";

/** Who and what made this Canvas: models, tokens, cost and the time of each stage. */
export function provenancePart(provenance, kit) {
  const { t } = kit;
  const by = el("span", {}, writers(provenance.models, t));
  const models = Object.entries(provenance.models);
  const rows = models.map(([task, model]) => [
    t(`model_${task}`),
    model === "extractive" ? t("modelExtractive") : model,
  ]);
  const { input = 0, output = 0 } = provenance.tokens;
  if (input + output > 0) rows.push([t("tokens"), t("tokensValue", { input, output })]);
  if (provenance.cost) rows.push([t("cost"), `$${provenance.cost.toFixed(4)}`]);
  const stages = provenance.stages.map(
    (stage) => `${stage.name} ${Math.round(stage.ms)} ms${stage.error ? ` (${stage.error})` : ""}`,
  );
  if (stages.length) rows.push([t("stages"), stages.join(" · ")]);
  return [
    el("summary", { "data-key": "made" }, t("made"), by),
    el(
      "dl",
      {},
      rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    ),
  ];
}

/** Who wrote a Canvas, and why it has no reply: what the shown parts say about themselves. */
export function makers(canvas) {
  return canvas && JSON.stringify([canvas.provenance.models, canvas.no_replies]);
}

/** Names of who wrote the texts of a Canvas. */
function writers(models, t) {
  const names = new Set([models.summary, models.replies].filter(Boolean));
  return [...names].map((model) => (model === "extractive" ? t("extractive") : model)).join(", ");
}
