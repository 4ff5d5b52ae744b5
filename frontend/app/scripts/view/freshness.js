// The line that says what a Canvas covers: up to which message, how long ago it was made, and how many changes are not in
// it yet; and the one that counts down to the next try.

import { age } from "../texts/texts.js";

/** "Messages up to 14:02 · made 40s ago · 2 newer not in it yet"; "" without a Canvas. */
export function freshnessLine(canvas, { newer = 0, now = Date.now() }, t, language) {
  if (!canvas) return "";
  const passed = Math.max(0, now - Date.parse(canvas.generated_at));
  const until = canvas.freshness?.covers_until;
  const told = [
    until && t("covers", { time: moment(until, now, language) }),
    t("made_age", { age: age(passed, language, t("justNow")) }),
    newer > 0 && t("newer", { count: newer }),
  ];
  return told.filter(Boolean).join(" · ");
}

/** The time of today, else the day too. */
function moment(at, now, language) {
  const date = new Date(at);
  const today = date.toDateString() === new Date(now).toDateString();
  const day = today ? {} : { month: "short", day: "numeric" };
  return date.toLocaleString(language, { hour: "numeric", minute: "2-digit", ...day });
}

/** "Next try in 12 s", "Trying again…" when the time has come, "" without a time. */
export function countdown(until, t, now = Date.now()) {
  if (!until) return "";
  const seconds = Math.ceil((until - now) / 1000);
  return seconds > 0 ? t("countdown", { seconds }) : t("tryingNow");
}
