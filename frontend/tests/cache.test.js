// What the sidebar remembers of tickets: bounded, by agent, and forgotten when it must be.

import assert from "node:assert/strict";
import { test } from "vitest";

import { CanvasCache } from "../app/scripts/canvas/cache.js";
import { CANVAS, MemoryStorage } from "./look_alike.js";

const ME = { host: "acme.freshdesk.com", agent: "1" };
const entry = (ticket_id, changes = {}) => ({ canvas: { ...CANVAS, ticket_id, ...changes }, etag: `"${ticket_id}"` });

function cacheOver(storage, owner = ME) {
  const cache = new CanvasCache({ storage });
  cache.belongsTo(owner);
  return cache;
}

test("a frame that is loaded anew finds the newest revision that was seen", () => {
  const storage = new MemoryStorage();
  const cache = cacheOver(storage);
  cache.put(7, entry(7));
  cache.put(7, entry(7, { revision: "2026-06-01T11:00:00Z" }));
  assert.equal(Object.keys(storage).length, 1);
  assert.match(Object.keys(storage)[0], /acme\.freshdesk\.com:1:7:2026-06-01T11/);
  assert.equal(cacheOver(storage).get(7).canvas.revision, "2026-06-01T11:00:00Z");
  assert.equal(cacheOver(storage).get(70), undefined);
});

test("another agent of the same browser finds nothing, nor does anybody after a refused token", () => {
  const storage = new MemoryStorage();
  const cache = cacheOver(storage);
  cache.put(7, entry(7));
  assert.equal(cacheOver(storage, { ...ME, agent: "2" }).get(7), undefined);
  assert.equal(Object.keys(storage).length, 0);
  cache.put(8, entry(8));
  cache.clear();
  assert.equal(cache.get(8), undefined);
  assert.equal(Object.keys(storage).length, 0);
});

test("what was seen a working day ago, or can't be read, is gone when the frame is loaded anew", () => {
  const storage = new MemoryStorage();
  cacheOver(storage).put(7, entry(7));
  const [key] = Object.keys(storage);
  const stored = JSON.parse(storage[key]);
  storage[`${key}:odd`] = "{";
  cacheOver(storage);
  assert.deepEqual(Object.keys(storage), [key]);
  storage[key] = JSON.stringify({ ...stored, at: stored.at - 9 * 3_600_000 });
  assert.equal(cacheOver(storage).get(7), undefined);
  assert.equal(Object.keys(storage).length, 0);
});

test("a ticket that is gone is forgotten, and no other", () => {
  const cache = cacheOver(new MemoryStorage());
  cache.put(7, entry(7));
  cache.put(77, entry(77));
  cache.drop(7);
  assert.equal(cache.get(7), undefined);
  assert.ok(cache.get(77));
});

test("it takes no more than its room, and the oldest goes first", () => {
  const storage = new MemoryStorage();
  const cache = cacheOver(storage);
  for (let number = 1; number <= 60; number += 1) cache.put(number, entry(number));
  assert.ok(Object.keys(storage).length <= 20);
  assert.equal(cache.get(1), undefined);
  assert.ok(cache.get(60));
  cache.put(61, entry(61, { summary: { text: "x".repeat(200_000) } }));
  assert.ok(!Object.keys(storage).some((key) => key.includes(":61:")));
});

test("a browser that forbids storage, or has no room, costs only the memory of the tab", () => {
  const forbidden = new Proxy({}, { get: () => () => assert.fail("forbidden") });
  const cache = cacheOver(forbidden);
  cache.put(7, entry(7));
  assert.ok(cache.get(7));
  cacheOver(null).put(7, entry(7));
});

test("what is no Canvas, left by an earlier version or by another app, is not found", () => {
  const storage = new MemoryStorage();
  cacheOver(storage).put(7, entry(7));
  const [key] = Object.keys(storage);
  const stored = JSON.parse(storage[key]);
  for (const odd of [{ ...stored.canvas, provenance: undefined }, { ...stored.canvas, replies: "x" }, "x"]) {
    storage[key] = JSON.stringify({ ...stored, canvas: odd });
    assert.equal(cacheOver(storage).get(7), undefined);
  }
});
