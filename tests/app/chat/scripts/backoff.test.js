import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../chat/backoff.js";
import { demand } from "../chat/closing.js";

test("the ceiling doubles up to the cap", () => {
  const backoff = new Backoff({ base: 500, cap: 3000, random: () => 1 });
  assert.deepEqual(Array.from({ length: 5 }, () => backoff.next()), [500, 1000, 2000, 3000, 3000]);
});

test("full jitter: a wait may be none, and the first one is jittered too", () => {
  const backoff = new Backoff({ random: () => 0 });
  assert.deepEqual([backoff.next(), backoff.next()], [0, 0]);
});

test("a reset begins anew", () => {
  const backoff = new Backoff({ base: 500, random: () => 1 });
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test("each close code has its demand", () => {
  const wishes = [1012, 1013, 4429, 4401, 4403, 4408, 1006, 1000, 1011, 4999].map(demand);
  const rest = Array(5).fill("backoff");
  assert.deepEqual(wishes, ["soon", "later", "later", "cookie", "banned", ...rest]);
});
