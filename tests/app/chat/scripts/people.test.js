import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../chat/history.js";
import { Presence } from "../chat/presence.js";
import { SHOW_MS, TELL_MS, Typing } from "../chat/typing.js";
import { clock } from "./fakes.js";

const ada = { id: 7, name: "Ada" };
const bob = { id: 8, name: "Bob" };

function presence() {
  const told = [];
  const hooks = {
    draw: (people, count) => told.push([people.map(({ name }) => name).join(), count]),
    came: ({ name }) => told.push(`${name} came`),
    went: ({ name }) => told.push(`${name} went`),
  };
  return [new Presence({ slug: "lobby", owner: 7, hooks }), told];
}

test("a join is the whole and no news; coming and going is", () => {
  const [here, told] = presence();
  here.start({ present: [ada], count: 1 });
  here.take({ type: "presence", room: "lobby", count: 2, joined: [bob, ada] });
  here.take({ type: "presence", room: "lobby", count: 2, joined: [bob] });
  here.take({ type: "presence", room: "lobby", count: 1, left: [bob] });
  here.take({ type: "presence", room: "hall", count: 9, joined: [bob] });
  assert.deepEqual(told, [["Ada", 1], "Bob came", ["Ada,Bob", 2], ["Ada,Bob", 2], "Bob went", ["Ada", 1]]);
});

test("another name of somebody who is here is no news, and is shown", () => {
  const [here, told] = presence();
  here.start({ present: [ada, bob], count: 2 });
  here.take({ type: "presence", room: "lobby", count: 2, joined: [{ ...bob, name: "Rob" }] });
  here.take({ type: "presence", room: "lobby", count: 1, left: [bob] });
  assert.deepEqual(told, [["Ada,Bob", 2], ["Ada,Rob", 2], "Bob went", ["Ada", 1]]);
});

test("a crowd is a number; when names come back all of them do, and nobody came", () => {
  const [here, told] = presence();
  here.start({ present: [ada], count: 1 });
  here.take({ type: "presence", room: "lobby", count: 101 });
  here.take({ type: "presence", room: "lobby", count: 2, joined: [ada, bob] });
  here.start({ present: [ada], count: 101 });
  here.take({ type: "presence", room: "lobby", count: 1, joined: [bob] });
  here.take({ type: "presence", room: "lobby", count: 2, joined: [ada] });
  here.take({ type: "presence", room: "lobby", count: 1, left: [bob] });
  assert.deepEqual(told.slice(1, 5), [["", 101], ["Ada,Bob", 2], ["Ada", 101], ["Bob", 1]]);
  assert.deepEqual(told.slice(5), [["Bob,Ada", 2], "Bob went", ["Ada", 1]]);
});

test("typing is told once in 3 s, and again after a message", () => {
  const pass = clock();
  const sent = [];
  const typing = new Typing({ slug: "lobby", owner: 7, send: (frame) => sent.push(frame), show: () => {} });
  typing.typed();
  pass(TELL_MS - 1);
  typing.typed();
  assert.equal(sent.length, 1);
  pass(1);
  typing.typed();
  typing.done();
  typing.typed();
  assert.equal(sent.length, 3);
});

test("others' typing is shown for 5 s, or until their message", () => {
  const pass = clock();
  let shown;
  const typing = new Typing({ slug: "lobby", owner: 7, send: () => true, show: (names) => (shown = names.join()) });
  for (const who of [ada, bob]) typing.take({ type: "typing", room: "lobby", who });
  assert.equal(shown, "Bob");
  pass(SHOW_MS - 1);
  assert.equal(shown, "Bob");
  pass(1);
  assert.equal(shown, "");
  typing.take({ type: "typing", room: "lobby", who: bob });
  typing.stopped(8);
  assert.equal(shown, "");
});

test("history goes back page by page, and an answer for another list is dropped", () => {
  const sent = [];
  const shown = [];
  const history = new History({ slug: "lobby", send: (frame) => sent.push(frame), show: (list) => shown.push(...list) });
  history.older();
  assert.deepEqual(sent, []);
  history.start(101);
  history.older();
  history.older();
  assert.deepEqual(sent.map(({ before }) => before), [101]);
  history.take({ type: "history", ref: sent[0].ref, entries: [{ seq: 51 }], more: true });
  history.older();
  assert.equal(sent[1].before, 51);
  history.start(300);
  history.take({ type: "history", ref: sent[1].ref, entries: [{ seq: 1 }], more: false });
  assert.deepEqual(shown, [{ seq: 51 }]);
  history.older();
  history.take({ type: "error", ref: sent[2].ref, code: "unavailable" });
  history.older();
  history.take({ type: "history", ref: sent[3].ref, entries: [{ seq: 1 }], more: false });
  assert.equal(history.more, false);
});
