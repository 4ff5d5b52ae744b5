// Which parts of a Canvas stay empty because a stage of its run has failed, and why.

/** What stays empty when a stage fails. */
const PARTS_OF_STAGE = {
  summarize: ["summary"],
  embed: ["similar", "solutions"],
  similar: ["similar", "solutions"],
  recommend: ["replies"],
};
/** What an agent understands of a reason; the rest stands below "How this was made". */
const BECAUSE = {
  rate_limited: "busy",
  overloaded: "busy",
  timeout: "slow",
  connection: "line",
  vectors: "line",
  budget: "spent",
  spend_limit: "spent",
  refused: "refused",
};

/** Parts that stay empty because of failed stages: `{summary: "timeout"}`. */
export function failedParts(stages) {
  const failed = stages.filter((stage) => stage.error);
  return Object.fromEntries(
    failed.flatMap((stage) => partsOf(stage).map((part) => [part, stage.error])),
  );
}

/** What is said in the place of a part; `reason` is the stage's, in serve's words, which are not an agent's. */
export function failedText(reason, t) {
  const known = Object.hasOwn(BECAUSE, reason);
  return known ? t("because", { reason: t(`because_${BECAUSE[reason]}`) }) : t("partFailed");
}

/** The names of stages come with the answer: "constructor" is none of ours. */
function partsOf({ name }) {
  return Object.hasOwn(PARTS_OF_STAGE, name) ? PARTS_OF_STAGE[name] : [];
}
