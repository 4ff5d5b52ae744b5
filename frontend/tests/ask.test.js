// The question box: asked by the keyboard, answered with sources, stopped, and asked again.

import assert from "node:assert/strict";
import { beforeEach, test } from "vitest";

import { Problem } from "../app/scripts/serve/problem.js";
import { translator } from "../app/scripts/texts/texts.js";
import { ANSWER } from "./canvases.js";
import { keyed, openPage, press, type, wordsOf } from "./document.js";
import { until } from "./look_alike.js";
import { shown } from "./shown.js";

const en = translator("en");

beforeEach(() => {
  openPage();
  navigator.clipboard = { writeText: async () => {} };
});

test("a question is answered with its sources, copied, rated and closed", async () => {
  const asked = [];
  const ask = async (body, { on }) => {
    asked.push(body);
    on.sources?.([{}]);
    on.delta("Firm");
    return { result: ANSWER, run: "/runs/q1" };
  };
  const { root, key, told, did } = shown({ actions: { ask } });
  const box = root.querySelector(".pc-question");
  key("ask").click();
  assert.equal(document.activeElement, box);
  type(box, "  Why?\nWhy at night? ");
  assert.equal(box.rows, 2);
  key("type-tickets").click();
  press(box, "Enter", { isComposing: true });
  press(box, "Enter", { keyCode: 229 });
  press(box, "Enter", { shiftKey: true });
  assert.deepEqual(asked, []);
  assert.equal(press(box, "Enter"), false);
  await until(() => told.includes("answer shown /runs/q1"));
  assert.deepEqual([asked[0].question, asked[0].types, asked[0].ticket_id], ["Why?\nWhy at night?", ["tickets"], 7]);
  const answer = root.querySelector(".pc-answer");
  assert.equal(answer.querySelectorAll(".pc-sources li").length, 3);
  assert.equal(answer.querySelectorAll(".pc-cite").length, 3);
  assert.ok(wordsOf(answer).includes(en("answerDegraded")));
  keyed(answer, "source-1").click();
  keyed(answer, "source-2").click();
  assert.deepEqual(did, ["article 81", "ticket 301"]);
  assert.equal(keyed(answer, "source-3").localName, "span");
  keyed(answer, "copy").click();
  await until(() => told.includes("answer copied /runs/q1"));
  keyed(answer, "thumb-down").click();
  keyed(answer, "wrong").click();
  assert.ok(told.includes("answer rejected /runs/q1") || told.includes("answer rejected wrong"), told.join());
  keyed(answer, "close").click();
  assert.ok(answer.hidden);
  assert.equal(document.activeElement, box);
});

test("a question that fails is asked again, one that is on its way can be stopped", async () => {
  let failures = 1;
  const signals = [];
  const ask = (_, { signal }) => {
    signals.push(signal);
    if (failures-- > 0) return Promise.reject(new Problem({ type: "offline" }));
    return new Promise(() => {});
  };
  const { root, key, says, view } = shown({ actions: { ask } });
  type(root.querySelector(".pc-question"), "Why?");
  key("ask").click();
  await says(en("problem_offline"));
  key("again").click();
  assert.equal(key("ask").textContent, en("stop"));
  key("ask").click();
  assert.ok(signals[1].aborted);
  type(root.querySelector(".pc-question"), "Why now?");
  key("ask").click();
  view.clear();
  assert.ok(signals[2].aborted);
});

test("what the agent begins to ask while an answer is on its way stays in the box", async () => {
  let go;
  const ask = () => new Promise((resolve) => (go = () => resolve({ result: ANSWER, run: "/runs/q1" })));
  const { root, key, told } = shown({ actions: { ask } });
  const box = root.querySelector(".pc-question");
  type(box, "Why?");
  key("ask").click();
  type(box, "And how lo");
  go();
  await until(() => told.includes("answer shown /runs/q1"));
  assert.equal(box.value, "And how lo");
  key("ask").click();
  go();
  await until(() => box.value === "");
});
