// What a sidebar makes of answers that bring nothing new, and of those that serve would not give.

import assert from "node:assert/strict";
import { afterEach, test } from "vitest";

import { CanvasApi } from "../app/scripts/serve/api.js";
import { Sidebar } from "../app/scripts/canvas/sidebar.js";
import { CANVAS, hit, lookAlike, RecordingView, stream, unchanged, until } from "./look_alike.js";

const WAITS = { look: [5, 5, 5, 5], again: [0, 1, 1], retry: [5, 5] };
const opened = [];

async function sidebarOver(routes) {
  const serve = await lookAlike(routes);
  const view = new RecordingView();
  const sidebar = new Sidebar({ api: new CanvasApi({ base: serve.url, credentials: () => ({}) }), view, waits: WAITS });
  opened.push({ serve, sidebar });
  const saw = (line) => until(() => view.told.includes(line), `${line} in ${view.told}`);
  return { ...serve, view, sidebar, saw };
}

afterEach(() => {
  for (const { serve, sidebar } of opened.splice(0)) {
    sidebar.close();
    serve.close();
  }
});

test("looking again at the same Canvas is not worth another word", async () => {
  const { sidebar, view, saw, requests } = await sidebarOver({ "/init/7": [hit(), unchanged] });
  sidebar.open(7);
  await saw("say hit");
  sidebar.touch();
  await until(() => requests.length >= 1 + WAITS.look.length);
  assert.deepEqual(view.told.filter((line) => line === "say hit"), ["say hit"]);
});

test("an answer that is no Canvas is refused as a whole, whatever it is, and asked for again", async () => {
  for (const json of [null, [], "no", { ticket_id: 7 }, { ...CANVAS, replies: [{ text: 5 }] }, { ...CANVAS, provenance: {} }]) {
    const { sidebar, view, saw } = await sidebarOver({ "/init/7": [{ json }, hit()] });
    sidebar.open(7);
    await saw("say retrying");
    assert.ok(!view.told.some((line) => line.startsWith("canvas")));
    await saw("say hit");
  }
});

test("an event that breaks the page is a problem like any other, and stands in the console", async () => {
  const { sidebar, view, saw } = await sidebarOver({ "/init/7": [stream([["1-0", "summary", { text: "x" }]]), hit()] });
  const said = [];
  const { error } = console;
  console.error = (what) => said.push(what);
  view.part = () => {
    throw new TypeError("out of shape");
  };
  sidebar.open(7);
  await saw("say retrying");
  await saw("say hit");
  console.error = error;
  assert.match(String(said[0]), /out of shape/);
});

test("what a run has taken in does not count as newer than its Canvas while the run ends", async () => {
  const events = [["1-0", "canvas", {}], ["2-0", "done", {}]]; // prettier-ignore
  const { sidebar, view, saw } = await sidebarOver({ "/init/7": [stream(events), hit({}, { "Canvas-Newer": "1" }), hit({}, { "Canvas-Newer": "2" })] });
  const told = [];
  view.canvas = (_, { newer }) => told.push(newer);
  sidebar.open(7);
  await saw("say streamed");
  assert.deepEqual(told, [0, 2]);
});
