// A websocket, a storage and a clock that the tests hold in their hands.

import { mock } from "node:test";

export class FakeSocket {
  static made = [];

  constructor(url) {
    Object.assign(this, { url, readyState: 0, sent: [], closed: null });
    FakeSocket.made.push(this);
  }

  static get last() {
    return FakeSocket.made.at(-1);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closed = code;
    this.readyState = 3;
  }

  // What the server does.
  welcome(fields = {}) {
    this.readyState = 1;
    this.say({ type: "welcome", instance: "web-1", heartbeat_seconds: 20, ...fields });
  }

  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  end(code) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

export class FakeStorage {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => this.items.set(key, value);
  removeItem = (key) => this.items.delete(key);
}

export function clock() {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  FakeSocket.made.length = 0;
  return (milliseconds) => mock.timers.tick(milliseconds);
}
