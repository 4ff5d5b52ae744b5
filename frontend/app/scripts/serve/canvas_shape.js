// What an answer has to be like to be shown. Serve's own always is; what a proxy, an older server or somebody else puts in
// its place is refused as a whole, before anything of it is remembered or drawn.

const isText = (value) => typeof value === "string";
const isList = (check) => (value) => Array.isArray(value) && value.every(check);
const isNullOr = (check) => (value) => value == null || check(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const has = (checks) => (value) => isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

const CHECKS = {
  ticket_id: Number.isSafeInteger,
  revision: isText,
  generated_at: isText,
  language: isText,
  summary: isNullOr(has({ text: isText })),
  replies: isList(has({ text: isText, sources: isList(isText) })),
  similar_tickets: isList(has({ ticket_id: Number.isSafeInteger, subject: isText, resolution: isNullOr(isText) })),
  solutions: isList(has({ article_id: Number.isSafeInteger, title: isText })),
  incident: isNullOr(has({ tickets: isList(Number.isSafeInteger) })),
  provenance: has({ models: isObject, tokens: isObject, stages: isList(has({ name: isText })) }),
};

/** Whether this is a Canvas, as far as drawing it has to rely on. */
export const isCanvas = has(CHECKS);
