import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { JOIN_MS, Room } from "../chat/room.js";
import { clock } from "./fakes.js";

let pass;
let sent;
let told;
let room;

const entries = (...seqs) => seqs.map((seq) => ({ seq, kind: "text", text: `${seq}` }));
const seqs = (list) => list.map(({ seq }) => seq);

beforeEach(() => {
  pass = clock();
  sent = [];
  told = [];
  room = new Room({
    slug: "lobby",
    send: (frame) => sent.push(frame),
    random: () => 0,
    hooks: {
      replace: (list) => told.push(["replace", ...seqs(list)]),
      append: (list) => told.push(["append", ...seqs(list)]),
      joined: () => told.push(["joined"]),
      refused: (code) => told.push(["refused", code]),
      left: (reason) => told.push(["left", reason]),
    },
  });
});

function joined(list, { recovered = false, head = list.at(-1)?.seq ?? 0, ref = sent.at(-1).ref, epoch = "e" } = {}) {
  room.take({ type: "joined", room: "lobby", ref, epoch, head, entries: list, recovered, present: [], count: 0 });
}

const answer = (list) => ({ type: "joined", room: "lobby", ref: sent.at(-1).ref, epoch: "e", head: 0, entries: list });

const live = (...list) => room.take({ type: "entries", room: "lobby", entries: entries(...list) });

test("a first join asks for no position, and shows what comes", () => {
  room.join();
  assert.deepEqual(sent, [{ type: "join", room: "lobby", ref: "join-1" }]);
  joined(entries(4, 5));
  live(6);
  assert.deepEqual(told, [["replace", 4, 5], ["joined"], ["append", 6]]);
});

test("each entry once: repeats are dropped, also inside a frame", () => {
  room.join();
  joined(entries(1, 2));
  live(1, 2);
  live(2, 3);
  live(3);
  assert.deepEqual(told.slice(2), [["append", 3]]);
});

test("a gap asks again from the last one, and nothing after the gap is shown", () => {
  room.join();
  joined(entries(1));
  live(2, 4, 5);
  live(6);
  assert.deepEqual(told.slice(2), [["append", 2]]);
  assert.deepEqual(sent.at(-1), { type: "join", room: "lobby", ref: "join-2", after: 2, epoch: "e" });
  joined(entries(3, 4, 5, 6), { recovered: true });
  assert.deepEqual(told.slice(3), [["append", 3, 4, 5, 6], ["joined"]]);
});

test("a reconnect resumes, and entries before its joined belong to the old socket", () => {
  room.join();
  joined(entries(1, 2));
  room.offline();
  live(3);
  room.join();
  live(3);
  joined(entries(3, 4), { recovered: true });
  assert.deepEqual(told.slice(2), [["append", 3, 4], ["joined"]]);
});

test("a resume goes on in entries frames", () => {
  room.join();
  joined(entries(1));
  room.join();
  joined(entries(2, 3), { recovered: true, head: 6 });
  live(4, 5);
  live(6, 7);
  assert.deepEqual(told.slice(2), [["append", 2, 3], ["joined"], ["append", 4, 5], ["append", 6, 7]]);
});

test("what cannot be resumed replaces the list, under the new epoch", () => {
  room.join();
  joined(entries(8, 9));
  room.join();
  joined(entries(1, 2), { epoch: "f" });
  live(3);
  room.join();
  assert.deepEqual(told.slice(2), [["replace", 1, 2], ["joined"], ["append", 3]]);
  assert.deepEqual([sent.at(-1).after, sent.at(-1).epoch], [3, "f"]);
});

test("the newest mark goes with the position, and an older server's none is none", () => {
  const join = { type: "join", room: "lobby", after: 2, epoch: "e" };
  room.join();
  room.take({ ...answer(entries(1)), mark: "1.a" });
  room.take({ type: "entries", room: "lobby", entries: entries(2), mark: "2.b" });
  room.join();
  assert.deepEqual(sent.at(-1), { ...join, ref: "join-2", mark: "2.b" });
  room.take({ ...answer([]), recovered: true, mark: "2.c" });
  room.join();
  assert.deepEqual(sent.at(-1), { ...join, ref: "join-3", mark: "2.c" });
  room.take({ ...answer([]), recovered: true });
  room.join();
  assert.deepEqual(sent.at(-1), { ...join, ref: "join-4" });
});

test("an empty room resumes from its head", () => {
  room.join();
  joined([], { head: 0 });
  room.join();
  assert.equal(sent.at(-1).after, 0);
  joined(entries(1), { recovered: true });
  assert.deepEqual(told.slice(2), [["append", 1], ["joined"]]);
});

test("the answer to an earlier join is not the answer to this one", () => {
  room.join();
  room.join();
  joined(entries(1), { ref: "join-1" });
  assert.deepEqual(told, []);
  joined(entries(1, 2), { ref: "join-2" });
  assert.deepEqual(told, [["replace", 1, 2], ["joined"]]);
});

test("a pong that knows more asks again, one that does not leaves it", () => {
  room.join();
  joined(entries(1, 2));
  room.take({ type: "pong", heads: { lobby: 2, other: 9 } });
  assert.equal(sent.length, 1);
  room.take({ type: "pong", heads: { lobby: 3 } });
  assert.deepEqual([sent.length, sent.at(-1).after], [2, 2]);
});

test("a join without an answer is asked again", () => {
  room.join();
  pass(JOIN_MS);
  assert.equal(sent.length, 2);
  joined(entries(1));
  pass(JOIN_MS * 2);
  assert.equal(sent.length, 2);
});

test("unavailable is asked again later, a refusal is not", () => {
  room.join();
  room.take({ type: "error", code: "unavailable", ref: "join-1", retry_ms: 700 });
  pass(699);
  assert.equal(sent.length, 1);
  pass(1);
  assert.equal(sent.length, 2);
  room.take({ type: "error", code: "not_allowed", ref: "join-2" });
  pass(JOIN_MS * 2);
  assert.equal(sent.length, 2);
  assert.deepEqual(told, [["refused", "not_allowed"]]);
});

test("after left nothing of the room counts", () => {
  room.join();
  joined(entries(1));
  room.take({ type: "left", room: "lobby", reason: "removed" });
  live(2);
  room.take({ type: "pong", heads: { lobby: 2 } });
  assert.deepEqual(told.slice(2), [["left", "removed"]]);
  assert.equal(sent.length, 1);
});

test("a join again that is refused for now is tried again, whatever it says of having left", () => {
  room.join();
  joined(entries(1));
  room.join();
  room.take({ type: "error", code: "unavailable", ref: "join-2", room: "lobby", retry_ms: 500 });
  room.take({ type: "left", room: "lobby", reason: "refused" });
  pass(500);
  assert.deepEqual(sent.at(-1), { type: "join", room: "lobby", ref: "join-3", after: 1, epoch: "e" });
  room.take({ type: "left", room: "lobby", reason: "refused" }); // of the join before
  joined(entries(2), { recovered: true });
  live(3);
  assert.deepEqual(told.slice(2), [["append", 2], ["joined"], ["append", 3]]);
});

test("other rooms and unknown types are none of its business", () => {
  room.join();
  joined(entries(1));
  room.take({ type: "entries", room: "hall", entries: entries(2) });
  room.take({ type: "weather", room: "lobby" });
  assert.equal(told.length, 2);
});

test("whatever order the frames of many sockets come in, the list is 1 to n", () => {
  // A server whose sockets die at random, whose frames repeat and leave holes.
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const shown = [];
  let head = 0;
  room.hooks.append = (list) => shown.push(...seqs(list));
  room.hooks.replace = (list) => shown.splice(0, shown.length, ...seqs(list));
  const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  room.join();
  for (let step = 0; step < 3000; step += 1) {
    head += random() < 0.5 ? 1 : 0;
    const dice = random();
    const asked = sent.at(-1);
    if (dice < 0.2) joined(entries(...range((asked.after ?? 0) + 1, head)), { recovered: asked.after !== undefined, head });
    else if (dice < 0.3) room.offline(), room.join();
    else live(...range(Math.max(1, head - Math.floor(random() * 4)), head));
  }
  joined(entries(...range((sent.at(-1).after ?? 0) + 1, head)), { recovered: true, head });
  room.take({ type: "pong", heads: { lobby: head } });
  if (!room.here) joined(entries(...range(sent.at(-1).after + 1, head)), { recovered: true, head });
  assert.ok(head > 1000);
  assert.deepEqual(shown, range(1, head));
});
