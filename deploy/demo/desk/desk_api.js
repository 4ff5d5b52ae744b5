// The desk's small JSON API. Failures are errors with a message for people.

async function call(method, path, body) {
  const request = { method, cache: "no-store" };
  if (body !== undefined)
    Object.assign(request, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const response = await fetch(`/desk/api${path}`, request);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail || `HTTP ${response.status}`);
  return answer;
}

export const desk = {
  config: () => call("GET", "/config"),
  tickets: (since = "") => call("GET", since ? `/tickets?since=${encodeURIComponent(since)}` : "/tickets"),
  ticket: (id) => call("GET", `/tickets/${id}`),
  create: (ticket) => call("POST", "/tickets", ticket),
  customerReply: (id, text = "") => call("POST", `/tickets/${id}/customer-replies`, { text }),
  agentReply: (id, text) => call("POST", `/tickets/${id}/replies`, { text }),
  burst: (id) => call("POST", `/tickets/${id}/burst`),
  setStatus: (id, status) => call("PUT", `/tickets/${id}`, { status }),
  article: (id) => call("GET", `/articles/${id}`),
};
