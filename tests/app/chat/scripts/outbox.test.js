import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ANSWER_MS, MOST, Outbox } from "../chat/outbox.js";
import { FakeStorage, clock } from "./fakes.js";

let pass;
let sent;
let drawn;
let calls;
let storage;
let outbox;

beforeEach(() => {
  pass = clock();
  sent = [];
  calls = [];
  storage = new FakeStorage();
  outbox = make();
});

function make({ owner = 7, slug = "lobby" } = {}) {
  const hooks = {
    draw: (items) => (drawn = items.map(({ text, state }) => [text, state])),
    stuck: () => calls.push("stuck"),
    rejoin: () => calls.push("rejoin"),
  };
  return new Outbox({ slug, owner, storage, send: (frame) => sent.push(frame), hooks, random: () => 0 });
}

const texts = () => sent.map(({ text }) => text);
const ack = (seq, key = sent.at(-1).key) => outbox.take({ type: "sent", room: "lobby", key, seq, at: "" }, 0);
const refuse = (code, more = {}) => outbox.take({ type: "error", code, room: "lobby", key: sent.at(-1).key, ...more }, 0);
const entry = (key, seq, id = 7) => ({ seq, key, kind: "text", author: { id, name: "Ada" }, text: "" });

test("nothing goes out before the room is joined, then in order, one after the other's answer", () => {
  for (const text of ["a", "b", "c"]) outbox.add(text);
  assert.deepEqual(sent, []);
  outbox.online();
  assert.deepEqual(texts(), ["a"]);
  ack(1);
  ack(2);
  assert.deepEqual(texts(), ["a", "b", "c"]);
  assert.equal(new Set(sent.map(({ key }) => key)).size, 3);
});

test("a key is kept until its answer, and repeated after a reconnect", () => {
  outbox.online();
  outbox.add("a");
  outbox.offline();
  outbox.add("b");
  outbox.online();
  assert.deepEqual(texts(), ["a", "a"]);
  assert.equal(sent[0].key, sent[1].key);
  ack(1);
  assert.deepEqual(texts(), ["a", "a", "b"]);
});

test("a reload keeps what has no answer, under its keys, and not what has one", () => {
  outbox.online();
  for (const text of ["a", "b"]) outbox.add(text);
  ack(1);
  const key = sent.at(-1).key;
  outbox = make();
  outbox.online();
  assert.deepEqual(outbox.items.map((item) => [item.text, item.key]), [["b", key]]);
  assert.equal(sent.at(-1).key, key);
});

test("what is kept belongs to one person and one room", () => {
  outbox.add("a");
  assert.equal(make({ owner: 8 }).items.length, 0);
  assert.equal(make({ slug: "hall" }).items.length, 0);
  assert.equal(make().items.length, 1);
});

for (const code of ["unavailable", "rate_limited"]) {
  test(`${code}: the same key after retry_ms, and later ones wait behind it`, () => {
    outbox.online();
    outbox.add("a");
    outbox.add("b");
    refuse(code, { retry_ms: 400 });
    pass(399);
    assert.deepEqual(texts(), ["a"]);
    pass(1);
    assert.deepEqual(texts(), ["a", "a"]);
    assert.equal(sent[0].key, sent[1].key);
    ack(1);
    assert.deepEqual(texts(), ["a", "a", "b"]);
  });
}

test("a refusal marks the line, lets the next one go, and is discarded by the reader alone", () => {
  outbox.online();
  outbox.add("a");
  outbox.add("b");
  refuse("too_long");
  assert.deepEqual(texts(), ["a", "b"]);
  assert.deepEqual(drawn, [["a", "failed"], ["b", "waiting"]]);
  outbox.discard(sent[1].key);
  outbox.discard(sent[0].key);
  assert.deepEqual(drawn, [["b", "waiting"]]);
});

test("a failed one is kept over a reload and not sent again", () => {
  outbox.online();
  outbox.add("a");
  refuse("bad_field");
  sent.length = 0;
  outbox = make();
  outbox.online();
  assert.deepEqual(sent, []);
  assert.deepEqual(outbox.items.map(({ state, code }) => [state, code]), [["failed", "bad_field"]]);
});

test("an answer that names the ref alone is an answer", () => {
  outbox.online();
  outbox.add("a");
  outbox.take({ type: "error", code: "bad_frame", ref: sent[0].ref }, 0);
  assert.deepEqual(drawn, [["a", "failed"]]);
});

test("not_joined asks the room to join, which sends it again", () => {
  outbox.online();
  outbox.add("a");
  refuse("not_joined");
  assert.deepEqual(calls, ["rejoin"]);
  outbox.online();
  assert.deepEqual(texts(), ["a", "a"]);
});

test("sent, then its entry: shown until the entry is", () => {
  outbox.online();
  outbox.add("a");
  ack(5);
  assert.deepEqual(drawn, [["a", "sent"]]);
  outbox.seen([entry(sent[0].key, 5)], 5);
  assert.deepEqual(drawn, []);
});

test("the entry, then sent: gone at once, and the next one goes", () => {
  outbox.online();
  outbox.add("a");
  outbox.add("b");
  outbox.seen([entry(sent[0].key, 5)], 5);
  assert.deepEqual(drawn, [["b", "waiting"]]);
  outbox.take({ type: "sent", room: "lobby", key: sent[0].key, seq: 5 }, 5);
  assert.deepEqual(texts(), ["a", "b"]);
});

test("an entry read after a reconnect answers for the `sent` that was lost", () => {
  outbox.online();
  outbox.add("a");
  outbox.offline();
  outbox.seen([entry(sent[0].key, 5)], 5);
  outbox.online();
  assert.deepEqual(texts(), ["a"]);
});

test("somebody else's entry under the same key is not ours", () => {
  outbox.online();
  outbox.add("a");
  outbox.seen([entry(sent[0].key, 5, 8)], 5);
  assert.deepEqual(drawn, [["a", "waiting"]]);
});

test("a repeat of one the page has already is not shown twice", () => {
  outbox.online();
  outbox.add("a");
  outbox.take({ type: "sent", room: "lobby", key: sent[0].key, seq: 3, repeated: true }, 9);
  assert.deepEqual(drawn, []);
});

test("no answer at all: the socket only looks alive", () => {
  outbox.online();
  outbox.add("a");
  pass(ANSWER_MS);
  assert.deepEqual(calls, ["stuck"]);
});

test("too much waiting is refused, and nothing of it is lost", () => {
  for (let number = 0; number < MOST; number += 1) assert.equal(outbox.add(`${number}`), true);
  assert.equal(outbox.add("one more"), false);
  assert.equal(outbox.items.length, MOST);
});

test("a storage that is full, forbidden or spoilt does not stop the chat", () => {
  storage.setItem = () => {
    throw new Error("QuotaExceededError");
  };
  outbox.online();
  assert.equal(outbox.add("a"), true);
  assert.deepEqual(texts(), ["a"]);
  for (const kept of ["{", "null", "7", '[{"key":1}]']) {
    storage.getItem = () => kept;
    assert.deepEqual(make().items, []);
  }
});
