// Every text exists in both languages, with the same places to fill, and every text that is asked for exists.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "vitest";
import { fileURLToPath } from "node:url";

import { DESK_TEXTS } from "../../deploy/demo/desk/texts.js";
import { age, duration, preferredLanguage, TEXTS, translator } from "../app/scripts/texts/texts.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const places = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

for (const [name, table, folder] of [
  ["the sidebar's", TEXTS, "frontend/app/scripts"],
  ["the demo desk's", DESK_TEXTS, "deploy/demo/desk"],
]) {
  test(`${name} texts have the same keys and places in English and Korean`, () => {
    for (const [key, languages] of Object.entries(table)) {
      assert.deepEqual(Object.keys(languages).sort(), ["en", "ko"], key);
      assert.ok(languages.en && languages.ko, key);
      assert.deepEqual(places(languages.en), places(languages.ko), key);
    }
  });

  test(`${name} modules ask for texts that exist, and no text is left over`, () => {
    const all = readdirSync(join(root, folder), { recursive: true });
    const files = all.filter((file) => /\.(js|html)$/.test(file) && !/(^|[\\/])texts\.js$/.test(file));
    const code = files.map((file) => readFileSync(join(root, folder, file), "utf8")).join("\n");
    const asked = [...code.matchAll(/\bt\(\s*"(\w+)"|data-t(?:-\w+)?="(\w+)"/g)].map((match) => match[1] ?? match[2]);
    for (const key of asked) assert.ok(key in table, key);
    const built = [...code.matchAll(/`(\w+_)\$\{/g)].map((match) => match[1]);
    const words = new Set([...code.matchAll(/\b\w+\b/g)].map(String));
    const used = (key) => words.has(key) || built.some((prefix) => key.startsWith(prefix)) || key.endsWith("Why");
    for (const key of Object.keys(table)) assert.ok(used(key), `${key} is used nowhere`);
  });
}

test("texts are filled, and an unknown key shows itself", () => {
  const t = translator("ko");
  assert.equal(t("hit", { ms: "12 ms" }), "바로 표시, 12 ms");
  assert.equal(t("nothing"), "nothing");
});

test("words go with their number", () => {
  const t = translator("en");
  assert.equal(t("cited", { count: 1 }), "linked in 1 similar answer");
  assert.equal(t("cited", { count: 2 }), "linked in 2 similar answers");
  assert.equal(t("sourcesFound", { count: 0 }), "0 sources found, writing the answer…");
});

test("durations and ages read well in both languages", () => {
  assert.deepEqual([duration(0.4), duration(12.3), duration(1440)], ["<1 ms", "12 ms", "1.4 s"]);
  assert.equal(age(40_000, "en", "just now"), "40s ago");
  assert.equal(age(180_000, "ko", "방금"), "3분 전");
  assert.equal(age(400, "en", "just now"), "just now");
});

test("the browser's first known language counts", () => {
  assert.equal(preferredLanguage(["de-DE", "ko-KR", "en"]), "ko");
  assert.equal(preferredLanguage(["fr"]), "en");
});
