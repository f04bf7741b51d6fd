import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { LATER_MS, SOON_MS } from "../chat/closing.js";
import { Connection, STABLE_MS, address } from "../chat/connection.js";
import { ANSWER_MS } from "../chat/heartbeat.js";
import { HANDSHAKE_MS } from "../chat/link.js";
import { FakeSocket, clock } from "./fakes.js";

let pass;
let seen;
let connection;

beforeEach(() => {
  pass = clock();
  seen = { states: [], welcomes: 0, frames: [] };
  connection = new Connection({
    url: "wss://chat.example/ws/chat/",
    make: (url) => new FakeSocket(url),
    random: () => 0.5,
    onstate: (state) => seen.states.push(state),
    onwelcome: () => (seen.welcomes += 1),
    onframe: (frame) => seen.frames.push(frame),
  });
  connection.open();
});

const made = () => FakeSocket.made.length;

function online() {
  FakeSocket.last.welcome();
  return FakeSocket.last;
}

test("the address follows the page", () => {
  assert.equal(address({ protocol: "https:", host: "chat.example" }), "wss://chat.example/ws/chat/");
  assert.equal(address({ protocol: "http:", host: "localhost:8000" }), ["ws:", "", "localhost:8000", "ws", "chat", ""].join("/"));
});

test("a welcome makes it online, and nothing is sent before", () => {
  assert.equal(connection.send({ type: "ping" }), false);
  const socket = online();
  assert.deepEqual(seen.states, ["connecting", "online"]);
  assert.equal(connection.send({ type: "join" }), true);
  assert.deepEqual(socket.sent, [{ type: "join" }]);
});

test("a handshake without a welcome is given up after 5 s, and tried again", () => {
  const first = FakeSocket.last;
  pass(HANDSHAKE_MS);
  assert.equal(first.closed, 1000);
  pass(250); // half of the first ceiling of 500
  assert.equal(made(), 2);
});

test("an accepted socket that stays silent is given up as well", () => {
  FakeSocket.last.readyState = 1;
  pass(HANDSHAKE_MS);
  pass(250);
  assert.equal(made(), 2);
});

test("waits double until a socket has held for 30 s", () => {
  const waits = [];
  for (const expected of [250, 500, 1000]) {
    FakeSocket.last.end(1006);
    pass(expected - 1);
    waits.push(made());
    pass(1);
    waits.push(made());
  }
  assert.deepEqual(waits, [1, 2, 2, 3, 3, 4]);
  online();
  pass(STABLE_MS - 1);
  FakeSocket.last.say({ type: "pong" });
  pass(1);
  FakeSocket.last.say({ type: "pong" });
  FakeSocket.last.end(1006);
  pass(250);
  assert.equal(made(), 5);
});

test("a welcome alone does not forget the waits", () => {
  FakeSocket.last.end(1006);
  pass(250);
  online().end(1006);
  pass(250);
  assert.equal(made(), 2);
  pass(250);
  assert.equal(made(), 3);
});

test("1012 comes back within a second, however often it failed before", () => {
  for (let i = 0; i < 6; i += 1) {
    FakeSocket.last.end(1006);
    pass(30_000);
  }
  const before = made();
  online().end(1012);
  pass(SOON_MS / 2);
  assert.equal(made(), before + 1);
});

for (const code of [1013, 4429]) {
  test(`${code} waits longer, and looking at the page is no reason not to`, () => {
    online().end(code);
    connection.wake();
    pass(LATER_MS);
    assert.equal(made(), 1);
    pass(250);
    assert.equal(made(), 2);
  });
}

test("4401 tries once with the cookie it has now, then ends", () => {
  FakeSocket.last.end(4401);
  pass(SOON_MS / 2);
  assert.equal(made(), 2);
  FakeSocket.last.end(4401);
  pass(600_000);
  assert.equal(made(), 2);
  assert.equal(seen.states.at(-1), "ended");
});

test("4401 after a session that worked has its one more try again", () => {
  FakeSocket.last.end(4401);
  pass(SOON_MS);
  online().end(4401);
  pass(SOON_MS);
  assert.equal(made(), 3);
  assert.notEqual(seen.states.at(-1), "ended");
});

test("4403 is never tried again", () => {
  online().end(4403);
  connection.wake();
  pass(600_000);
  assert.equal(made(), 1);
  assert.equal(seen.states.at(-1), "banned");
});

test("a drain opens the next socket while the old one still speaks", () => {
  const old = online();
  old.say({ type: "drain", within_ms: 4000 });
  pass(1999);
  assert.equal(made(), 1);
  pass(1);
  assert.equal(made(), 2);
  assert.equal(old.closed, null);
  assert.equal(connection.send({ type: "typing" }), true);
  assert.deepEqual(old.sent, [{ type: "typing" }]);
  online();
  assert.equal(old.closed, 1000);
  assert.equal(seen.welcomes, 2);
  assert.ok(!seen.states.includes("reconnecting"));
  old.say({ type: "entries" });
  assert.deepEqual(seen.frames, []);
});

test("a drain whose next socket fails tries again, and the old one goes on", () => {
  const old = online();
  old.say({ type: "drain", within_ms: 0 });
  pass(0);
  FakeSocket.last.end(1006);
  pass(250);
  assert.equal(made(), 3);
  assert.equal(old.closed, null);
});

test("an old socket that ends before the drain's moment is replaced once", () => {
  const old = online();
  old.say({ type: "drain", within_ms: 60_000 });
  old.end(1012);
  pass(SOON_MS / 2);
  online();
  for (let beat = 0; beat < 5; beat += 1) {
    pass(20_000);
    FakeSocket.last.say({ type: "pong" });
  }
  assert.equal(made(), 2);
});

test("a ping without an answer ends the socket", () => {
  const socket = online();
  pass(20_000);
  assert.deepEqual(socket.sent, [{ type: "ping" }]);
  pass(ANSWER_MS);
  assert.equal(socket.closed, 1000);
  assert.equal(seen.states.at(-1), "reconnecting");
});

test("any frame answers a ping", () => {
  const socket = online();
  pass(20_000);
  socket.say({ type: "entries" });
  pass(ANSWER_MS);
  assert.equal(socket.closed, null);
});

test("looking at the page again asks the socket at once, or dials at once", () => {
  const socket = online();
  connection.wake();
  assert.deepEqual(socket.sent, [{ type: "ping" }]);
  socket.end(1006);
  connection.wake();
  assert.equal(made(), 2);
});

test("a resting page has no socket, and opens one when it is back", () => {
  const socket = online();
  connection.rest();
  assert.equal(socket.closed, 1000);
  pass(600_000);
  connection.wake();
  assert.equal(made(), 1);
  connection.open();
  assert.equal(made(), 2);
});

test("what is no frame is no reason to fall", () => {
  const socket = online();
  for (const data of ["", "nonsense", "null", "7", "[]"]) socket.onmessage({ data });
  assert.equal(socket.closed, null);
});
