// What each field may hold. A rule takes the text as typed and returns `{value}`, or `{problem}`: the key of a text.

/** An account's host, as `shared/tenants.py` has it. */
const FRESHDESK = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.freshdesk\.com$/;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const FQDN = new RegExp(`^(?=.{4,253}$)(?:${LABEL}\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$`);
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[?[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*\]?)(:\d+)?$/;
const LOCAL = /^(localhost|127\.0\.0\.1|[a-z0-9.-]+):\d{1,5}$/;
const KEY = /^[!-~]{8,200}$/;
const MOST_DAYS = 36_500;
const MOST_PHRASES = 100;
const PHRASE_CHARACTERS = 200;
export const PARTS = ["summary", "similar", "solutions", "replies", "ask"];
export const LANGUAGES = ["auto", "ko", "en"];
export const TONES = ["", "friendly", "formal", "brief"];

/** What somebody pasted, without what an address has around its host: `https://canvas.example.com/` is its host. */
export function bareHost(text) {
  const typed = text.trim().toLowerCase();
  return typed.replace(/^https?:\/\//, "").replace(/[/?#].*$/, "").replace(/\.$/, "");
}

/** The backend's host. A port or an address can't stand in a request template; `local` is a page of this machine. */
export function backend(text, { local = false } = {}) {
  const typed = text.trim().toLowerCase();
  if (local && LOCAL.test(typed)) return { value: typed };
  const problem = missing(typed) ?? shape(typed);
  return problem ? { problem } : { value: typed };
}

function shape(typed) {
  if (/^[a-z]+:\/\//.test(typed)) return "backendScheme";
  if (/[/?#]/.test(typed)) return "backendPath";
  if (ADDRESS.test(typed)) return "backendAddress";
  if (/:/.test(typed)) return "backendPort";
  return FQDN.test(typed) ? null : "backendNoHost";
}

/** The account's host; its name alone will do. */
export function domain(text) {
  const typed = text.trim().toLowerCase();
  const problem = missing(typed);
  if (problem) return { problem };
  const host = /^[a-z0-9-]+$/.test(typed) ? `${typed}.freshdesk.com` : typed;
  return FRESHDESK.test(host) ? { value: host } : { problem: "domainForm" };
}

/** The API key; `kept` is the stored one, which an empty field leaves as it is. */
export function key(text, { kept = "" } = {}) {
  const typed = text.trim();
  if (!typed && kept) return { value: kept };
  const problem = missing(typed);
  if (problem) return { problem };
  return KEY.test(typed) ? { value: typed } : { problem: "keyForm" };
}

/** How many days back similar tickets may reach; "" is without bound. */
export function days(text) {
  const typed = text.trim();
  if (!typed) return { value: "" };
  const count = /^\d{1,5}$/.test(typed) ? Number(typed) : 0;
  return count >= 1 && count <= MOST_DAYS ? { value: String(count) } : { problem: "daysForm" };
}

/** One phrase a line, each once. */
export function phrases(text) {
  const found = [...new Set(text.split("\n").map((line) => line.trim()))].filter(Boolean);
  if (found.length > MOST_PHRASES) return { problem: "phrasesMany" };
  if (found.some((phrase) => [...phrase].length > PHRASE_CHARACTERS)) return { problem: "phrasesLong" };
  return { value: found.join("\n") };
}

/** The parts to show, at least one. */
export function parts(chosen) {
  const found = PARTS.filter((part) => chosen.includes(part));
  return found.length ? { value: found.join(",") } : { problem: "showNone" };
}

/** A stored key as far as it is one: what the platform masks is none. */
export function storedKey(stored) {
  const text = typeof stored === "string" ? stored : "";
  return KEY.test(text) && !/^[*•.·x]+$/i.test(text) ? text : "";
}

/** What of the values `PUT /settings` takes: null and [] are defaults. */
export function settingsOf(values) {
  return {
    language: values.language === "auto" ? null : values.language,
    tone: values.tone || null,
    forbidden_phrases: values.forbidden_phrases ? values.forbidden_phrases.split("\n") : [],
    similar_days: values.search_period_days ? Number(values.search_period_days) : null,
  };
}

function missing(typed) {
  return typed ? null : "empty";
}
