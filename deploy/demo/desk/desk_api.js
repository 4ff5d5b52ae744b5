// The desk's small JSON API. An abort stays an AbortError; every other failure is a DeskError.

/** `status` is HTTP's, or 0 where nothing answered. */
export class DeskError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, body, signal) {
  const request = { method, signal, cache: "no-store" };
  if (body !== undefined)
    Object.assign(request, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const response = await fetch(`/desk/api${path}`, request).catch((error) => {
    throw error.name === "AbortError" ? error : new DeskError(0, error.message);
  });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new DeskError(response.status, answer.detail || `HTTP ${response.status}`);
  return answer;
}

export const desk = {
  config: () => call("GET", "/config"),
  tickets: (since = "") => call("GET", since ? `/tickets?since=${encodeURIComponent(since)}` : "/tickets"),
  ticket: (id, signal) => call("GET", `/tickets/${id}`, undefined, signal),
  create: (ticket) => call("POST", "/tickets", ticket),
  customerReply: (id, text = "") => call("POST", `/tickets/${id}/customer-replies`, { text }),
  agentReply: (id, text) => call("POST", `/tickets/${id}/replies`, { text }),
  burst: (id) => call("POST", `/tickets/${id}/burst`),
  setStatus: (id, status) => call("PUT", `/tickets/${id}`, { status }),
  invoke: (template, request) => call("POST", `/app/templates/${encodeURIComponent(template)}`, request),
  article: (id) => call("GET", `/articles/${id}`),
};
