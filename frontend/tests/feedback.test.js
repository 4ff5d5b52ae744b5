// What agents do with suggestions reaches serve: in batches, once, and later where it fails.

import assert from "node:assert/strict";
import { test } from "vitest";

import { Feedback } from "../app/scripts/serve/feedback.js";
import { until } from "./look_alike.js";

const OF_REPLY = { ticket_id: 7, kind: "reply", item: 0, etag: '"abcdef0123456789-gzip"' };
const ID = /^[A-Za-z0-9_.:-]{1,64}$/;

function collecting({ failures = [] } = {}) {
  const sent = [];
  const send = async (entries) => {
    const failure = failures.shift();
    if (failure) throw failure;
    sent.push(entries);
  };
  return { sent, feedback: new Feedback({ send, waitMs: 5 }) };
}

test("what comes together goes together", async () => {
  const { sent, feedback } = collecting();
  feedback.tell({ ...OF_REPLY, action: "shown" });
  feedback.tell({ ...OF_REPLY, action: "copied", reason: "", run: undefined });
  await until(() => sent.length === 1);
  assert.deepEqual(
    sent[0].map(({ id, ...told }) => (assert.match(id, ID), told)),
    [
      { ...OF_REPLY, action: "shown" },
      { ...OF_REPLY, action: "copied" },
    ],
  );
});

test("a suggestion counts as shown once, under the same name in every tab", async () => {
  const [one, other] = [collecting(), collecting()];
  for (const { feedback } of [one, one, other]) feedback.tell({ ...OF_REPLY, action: "shown" });
  await Promise.all([one.feedback.flush(), other.feedback.flush()]);
  assert.equal(one.sent.flat().length, 1);
  assert.equal(one.sent[0][0].id, other.sent[0][0].id);
  one.feedback.tell({ ...OF_REPLY, action: "shown", item: 999999999999999999n.toString(), ticket_id: 999999999999999 });
  await one.feedback.flush();
  assert.match(one.sent[1][0].id, ID);
});

test("what fails and may pass is sent with the next, what is refused is not", async () => {
  const passing = Object.assign(new Error("503"), { transient: true });
  const refused = Object.assign(new Error("400"), { transient: false });
  const { sent, feedback } = collecting({ failures: [passing, refused] });
  feedback.tell({ ...OF_REPLY, action: "copied" });
  await feedback.flush();
  feedback.tell({ ...OF_REPLY, action: "up" });
  await feedback.flush();
  assert.deepEqual(sent, []);
  feedback.tell({ ...OF_REPLY, action: "down" });
  await feedback.flush();
  assert.deepEqual(
    sent.flat().map(({ action }) => action),
    ["down"],
  );
  await feedback.flush();
  assert.equal(sent.length, 1);
});

test("a hundred go at once, and what waits has a limit", async () => {
  const { sent, feedback } = collecting();
  for (let item = 0; item < 400; item += 1) feedback.tell({ ...OF_REPLY, item, action: "shown" });
  await feedback.flush();
  await until(() => sent.length === 3);
  assert.deepEqual(sent.map((entries) => entries.length), [100, 100, 100]);
});

test("where the page is no secure context, entries have names too, each its own", async () => {
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  const { sent, feedback } = collecting();
  for (const action of ["copied", "copied"]) feedback.tell({ ...OF_REPLY, action });
  await feedback.flush();
  delete crypto.randomUUID;
  const ids = sent[0].map(({ id }) => (assert.match(id, ID), id));
  assert.equal(new Set(ids).size, 2);
});
