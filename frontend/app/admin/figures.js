// The figures of a backfill as texts: what `canvas backfill` shows, in the admin's language.

/** No more changes come. */
export const ENDED = ["done", "failed", "cancelled", "over_budget"];
const COLOURS = { done: "good", failed: "bad", over_budget: "unsure", paused: "unsure", cancelled: "calm" };

/** The look of a state: `good`, `bad`, `unsure`, `calm` or `busy`. */
export const lookOf = (state) => COLOURS[state] ?? "busy";

/** The two bars: `[{key, done, all}]`, of the tickets that have to be read, and of those whose texts are written. */
export function barsOf(progress) {
  const read = progress.prepared + progress.unprepared + progress.missing;
  const settled = settledOf(progress) + progress.missing;
  const all = progress.tickets;
  return [
    { key: "reading", done: Math.min(read, all), all },
    { key: "computing", done: Math.min(settled, all), all },
  ];
}

/** `[[key of a label, text]]`: what goes on has a pace and time left, what has ended a total. */
export function figuresOf(progress, t, language) {
  const number = (value) => value.toLocaleString(language);
  const still = [...ENDED, "paused"].includes(progress.state);
  const going = still ? [] : goingOf(progress, t, number);
  const failures = progress.unprepared + progress.dead + progress.unreached;
  const rare = [
    ["waiting", progress.waiting],
    ["current", progress.current],
    ["articles", progress.articles],
  ];
  return [
    ["settled", number(settledOf(progress))],
    ["failures", number(failures)],
    ...going,
    ["tokens", number(progress.tokens)],
    ["cost", money(progress.cost, language)],
    ...rare.filter(([, value]) => value > 0).map(([key, value]) => [key, number(value)]),
    ...timesOf(progress, language),
  ];
}

function goingOf({ per_s: pace, left_s: left, calls_minute: calls, calls_limit: limit }, t, number) {
  const rounded = pace >= 10 ? Math.round(pace) : Math.round(pace * 10) / 10;
  const text = limit ? t("callsValue", { count: number(calls), limit: number(limit) }) : t("callsOpen", { count: number(calls) });
  return [
    ["pace", t("paceValue", { count: number(rounded) })],
    ["left", left >= 0 ? span(left, t) : t("unknown")],
    ["calls", text],
  ];
}

function timesOf({ state, started_ms: started, ended_ms: ended }, language) {
  return [
    ["began", started],
    ["ended", ENDED.includes(state) ? ended : 0],
  ]
    .filter(([, at]) => at > 0)
    .map(([key, at]) => [key, moment(at, language)]);
}

/** How many tickets are done with, in whatever way. */
export function settledOf({ computed, waiting, dead }) {
  return computed + waiting + dead;
}

/** US dollars; small amounts with more places. */
export function money(amount, language) {
  const maximumFractionDigits = amount > 0 && amount < 1 ? 4 : 2;
  return amount.toLocaleString(language, { style: "currency", currency: "USD", maximumFractionDigits });
}

/** A duration as people say it: `40 s`, `12 min`, `3 h 20 min`. */
export function span(seconds, t) {
  if (seconds < 90) return t("seconds", { count: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return t("minutes", { count: minutes });
  return t("hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** A moment with its day. */
export function moment(at, language) {
  return new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
