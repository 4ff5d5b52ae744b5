// The form's values as `POST /ingest` takes them, or what is wrong with them; and the settings that the app stores as
// `PUT /settings` takes them.

/**
 * `{wanted}` of what is typed: `{types, since, until ("2026-01-31"), budget (text), reindex, refresh, batch}`; or
 * `{wrong: {field: key of a text}}`. Days are the browser's own.
 */
export function wantedOf(typed) {
  const wrong = {};
  const budget = amountOf(typed.budget);
  const [since, until] = [dayOf(typed.since), dayOf(typed.until)];
  if (!typed.types.length) wrong.types = "typesNone";
  if (since && until && since >= until) wrong.until = "rangeOrder";
  if (Number.isNaN(budget)) wrong.budget = "budgetForm";
  if (Object.keys(wrong).length) return { wrong };
  return { wanted: { data_types: typed.types, date_range: rangeOf(since, until), ...optionsOf(typed, budget) } };
}

function rangeOf(since, until) {
  return { ...(since && { since: since.toISOString() }), ...(until && { until: until.toISOString() }) };
}

function optionsOf({ reindex, refresh, batch }, budget) {
  return {
    ...(reindex && { reindex: true }),
    ...(refresh && { refresh_summaries: true }),
    ...(batch && { batch: true }),
    ...(budget && { budget_usd: budget }),
  };
}

/** Midnight at the start of a day; null where none is chosen. */
function dayOf(text) {
  const [year, month, day] = text.split("-").map(Number);
  return text && day ? new Date(year, month - 1, day) : null;
}

/** null where nothing is typed, NaN where it is no amount. */
function amountOf(text) {
  const typed = text.trim().replace(",", ".");
  if (!typed) return null;
  const amount = /^\$?\s*\d{1,7}(\.\d{1,4})?$/.test(typed) ? Number(typed.replace(/^\$\s*/, "")) : 0;
  return amount > 0 ? amount : Number.NaN;
}

/** What the app's settings say, in the form of the server's. */
export function settingsOf(iparams = {}) {
  const text = (name) => String(iparams[name] ?? "").trim();
  return {
    language: ["ko", "en"].find((known) => known === text("language")) ?? null,
    tone: text("tone") || null,
    forbidden_phrases: linesOf(text("forbidden_phrases")),
    similar_days: Number(text("search_period_days")) || null,
  };
}

function linesOf(text) {
  const lines = text.split("\n").map((line) => line.trim());
  return [...new Set(lines)].filter(Boolean);
}

/** The names of the settings that differ. */
export function differing(one, other) {
  return Object.keys(one).filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}
