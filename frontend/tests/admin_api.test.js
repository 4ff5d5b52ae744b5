// How the administration page watches a backfill where the browser may not ask, or no more.

import assert from "node:assert/strict";
import { test } from "vitest";

import { AdminApi } from "../app/admin/admin_api.js";
import { openPage } from "./document.js";

openPage();
const minted = { token: "t1", expires_in: 900, host: "acme.freshdesk.com", agent_id: 42, admin: true };
const ENDED = { id: "b1", state: "done" };

/** An api whose templates answer these, in order, after the token; nobody listens at its address. */
function blockedApi(...answers) {
  const asked = [];
  const invokeTemplate = async (name) => {
    asked.push(name);
    if (name === "admin_session") return { status: 200, headers: {}, response: JSON.stringify(minted) };
    const { status = 200, ...body } = answers.shift();
    if (status >= 400) throw { status, headers: {}, response: JSON.stringify(body) };
    return { status, headers: {}, response: JSON.stringify(body) };
  };
  return { api: new AdminApi({ client: { request: { invokeTemplate } }, base: "http://127.0.0.1:9" }), asked };
}

async function seen(api, options) {
  const found = [];
  for await (const progress of api.watch("b1", options)) found.push(progress.state);
  return found;
}

test("a stream that is blocked goes over to templates, and that is told; nothing tries the wall again", async () => {
  const { api, asked } = blockedApi(ENDED, ENDED);
  let polling = 0;
  assert.deepEqual(await seen(api, { onPolling: () => (polling += 1) }), ["done"]);
  assert.ok(api.blocked);
  assert.deepEqual(await seen(api, {}), ["done"]);
  assert.equal(polling, 1);
  assert.deepEqual(asked, ["admin_session", "ingest_progress", "ingest_progress"]);
});

test("a refusal ends the watch, one that may pass only says that the line is down", async () => {
  const { api } = blockedApi({ status: 404, type: "urn:prompt-canvas:backfill-missing" });
  await assert.rejects(seen(api, {}), { code: "backfill-missing" });
  const { api: unsteady } = blockedApi({ status: 503, type: "urn:prompt-canvas:store-unavailable" });
  const leaving = new AbortController();
  await assert.rejects(seen(unsteady, { signal: leaving.signal, onCut: () => leaving.abort() }), { name: "AbortError" });
});

test("where none was begun there is no last one; any other refusal is told", async () => {
  const { api } = blockedApi({ status: 404, type: "urn:prompt-canvas:backfill-missing" }, { status: 403, type: "urn:prompt-canvas:forbidden" });
  assert.equal(await api.latest(), null);
  await assert.rejects(api.latest(), { code: "forbidden" });
});
