// The token of the browser: minted once for all who ask, renewed before it expires, dropped when it is refused.

import assert from "node:assert/strict";
import { test } from "vitest";

import { Session } from "../app/scripts/serve/session.js";
import { until } from "./look_alike.js";

function minting({ seconds = 900 } = {}) {
  const made = { count: 0 };
  const mint = async () => ({ token: `t${(made.count += 1)}`, expires_in: seconds, host: "h", agent_id: 1, admin: false });
  return { made, mint };
}

test("many who ask at the same time share one token", async () => {
  const { made, mint } = minting();
  const session = new Session({ mint });
  const all = await Promise.all(Array.from({ length: 20 }, () => session.headers()));
  assert.deepEqual(new Set(all.map((headers) => headers.Authorization)), new Set(["Bearer t1"]));
  assert.equal(made.count, 1);
  assert.equal(session.holder.agent_id, 1);
});

test("it is renewed beside the work before it expires, and waited for afterwards", async () => {
  let now = 0;
  const { made, mint } = minting();
  const session = new Session({ mint, now: () => now });
  await session.headers();
  now = 800_000;
  assert.equal((await session.headers()).Authorization, "Bearer t1");
  await until(() => made.count === 2);
  await until(() => session.holder.token === "t2");
  now = 2_000_000;
  assert.equal((await session.headers()).Authorization, "Bearer t3");
});

test("a refused token is not used again, and however many were refused with it, it is minted anew once", async () => {
  const { made, mint } = minting();
  const session = new Session({ mint });
  const refused = await session.headers();
  assert.equal((await session.headers({ refused })).Authorization, "Bearer t2");
  await Promise.all([1, 2, 3].map(() => session.headers({ refused })));
  assert.equal((await session.headers()).Authorization, "Bearer t2");
  assert.equal(made.count, 2);
});

test("a token that can't be had is asked for again by the next one", async () => {
  const { mint } = minting();
  const answers = [() => Promise.reject(new Error("no line")), mint];
  const session = new Session({ mint: () => answers.shift()() });
  await assert.rejects(session.headers(), /no line/);
  assert.equal((await session.headers()).Authorization, "Bearer t1");
});
