// The event-stream format, and following a run over connections that break.

import assert from "node:assert/strict";
import { test } from "vitest";

import { backoff, EventParser, follow, readEvents, sleep } from "../app/scripts/serve/stream.js";

const parse = (...pieces) => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

const body = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces)
        controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
      controller.close();
    },
  });

const collect = async (events) => {
  const all = [];
  for await (const event of events) all.push(event);
  return all;
};

test("an event has an id, a name and data", () => {
  assert.deepEqual(parse('id: 1-0\nevent: stage\ndata: {"name":"fetch"}\n\n'), [
    { id: "1-0", event: "stage", data: '{"name":"fetch"}' },
  ]);
});

test("lines may end in CRLF, LF or CR, even mixed", () => {
  const wanted = [{ id: "", event: "a", data: "1" }];
  for (const end of ["\r\n", "\n", "\r"]) assert.deepEqual(parse(`event: a${end}data: 1${end}${end}`), wanted);
  assert.deepEqual(parse("event: a\r\ndata: 1\r\n\n"), wanted);
});

test("a stream may be cut into pieces anywhere, between CR and LF too", () => {
  const text = "id: 5\r\nevent: summary.delta\r\ndata: 안녕 😀\r\n\r\ndata: two\r\rdata: three\n\n";
  const whole = parse(text);
  assert.equal(whole.length, 3);
  assert.deepEqual(parse(...text), whole);
  for (let cut = 0; cut <= text.length; cut += 1) assert.deepEqual(parse(text.slice(0, cut), text.slice(cut)), whole);
});

test("bytes of one character may lie in two chunks", async () => {
  const bytes = new TextEncoder().encode("data: 답변\n\n");
  const events = await collect(readEvents(body(bytes.slice(0, 8), bytes.slice(8))));
  assert.equal(events[0].data, "답변");
});

test("data lines are joined, one leading space is dropped, a line without a colon is a field without a value", () => {
  assert.equal(parse("data: a\ndata:b\ndata:  c\ndata\n\n")[0].data, "a\nb\n c\n");
});

test("comments and unknown fields are ignored, and what has no data is no event", () => {
  assert.deepEqual(parse(": heartbeat\n\nevent: a\n\ncolour: red\ndata: 1\n\n"), [
    { id: "", event: "message", data: "1" },
  ]);
});

test("an id stays until another one comes, and one with NUL does not count", () => {
  const events = parse("id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid:\ndata: d\n\n");
  assert.deepEqual(
    events.map((event) => event.id),
    ["1", "1", "1", ""],
  );
});

test("retry is taken where it is a number", () => {
  const parser = new EventParser();
  parser.push("retry: 250\n\nretry: soon\n\n");
  assert.equal(parser.retryMs, 250);
});

test("a byte order mark at the start is no part of the first field", () => {
  assert.equal(parse("\ufeffdata: a\n\n")[0].data, "a");
});

test("an unfinished event at the end of a stream is dropped", async () => {
  assert.deepEqual(await collect(readEvents(body("data: whole\n\ndata: ha"))), [
    { id: "", event: "message", data: "whole" },
  ]);
});

test("a silent connection counts as broken", async () => {
  const silent = new ReadableStream({});
  await assert.rejects(collect(readEvents(silent, new EventParser(), 10)), { name: "TimeoutError" });
});

test("a run is resumed after the last id, and ends with done", async () => {
  const asked = [];
  const bodies = [
    body("id: 1\nevent: stage\ndata: {}\n\nid: 2\nevent: sta"),
    body("id: 2\nevent: done\ndata: {}\n\nid: 3\ndata: late\n\n"),
  ];
  const cuts = [];
  const events = follow({
    open: async (lastEventId) => {
      asked.push(lastEventId);
      return { body: bodies.shift() };
    },
    onCut: (attempt) => cuts.push(attempt),
    pause: async () => {},
  });
  assert.deepEqual(
    (await collect(events)).map((event) => event.event),
    ["stage", "done"],
  );
  assert.deepEqual(asked, ["", "1"]);
  assert.deepEqual(cuts, [1]);
});

test("an answer that no retry can mend is thrown at once", async () => {
  const refused = Object.assign(new Error("gone"), { transient: false });
  let asked = 0;
  const open = async () => {
    asked += 1;
    throw refused;
  };
  await assert.rejects(collect(follow({ open, pause: async () => {} })), refused);
  assert.equal(asked, 1);
});

test("a dead server is given up after some tries", async () => {
  let asked = 0;
  const open = async () => {
    asked += 1;
    throw new TypeError("network");
  };
  await assert.rejects(collect(follow({ open, pause: async () => {} })), { code: "network", transient: true });
  assert.ok(asked > 3 && asked < 20, `${asked}`);
});

test("a line that ends before any event, again and again, is a problem of the network", async () => {
  const open = async () => new Response(new Blob([": canvas\n\n"]).stream());
  await assert.rejects(collect(follow({ open, pause: async () => {} })), { code: "network", transient: true });
});

test("an abort ends the waiting", async () => {
  const abort = new AbortController();
  const open = async () => {
    queueMicrotask(() => abort.abort());
    throw new TypeError("network");
  };
  await assert.rejects(collect(follow({ open, signal: abort.signal })), { name: "AbortError" });
  await assert.rejects(sleep(10_000, abort.signal), { name: "AbortError" });
});

test("waits double, are half random, and have a limit", () => {
  assert.equal(
    backoff(1, 1000, () => 0),
    500,
  );
  assert.equal(
    backoff(1, 1000, () => 1),
    1000,
  );
  assert.equal(
    backoff(3, 1000, () => 1),
    4000,
  );
  assert.equal(
    backoff(30, 1000, () => 1),
    15_000,
  );
});

test("a cut line is left alone for as long as the server wishes", async () => {
  const waits = [];
  const response = (text) => new Response(new Blob([text]).stream(), { headers: { "Content-Type": "text/event-stream" } });
  const bodies = ["retry: 40\n\nid: 1\ndata: a\n\n", "id: 2\nevent: done\ndata: b\n\n"];
  const pause = async (ms) => waits.push(ms);
  const events = [];
  for await (const { data } of follow({ open: async () => response(bodies.shift()), pause })) events.push(data);
  assert.deepEqual(events, ["a", "b"]);
  assert.ok(waits.length === 1 && waits[0] >= 20 && waits[0] <= 40, String(waits));
});
