// The page's one connection: it outlives its sockets, and moves from one to the next without a hole.

import { Backoff } from "./backoff.js";
import { LATER_MS, SOON_MS, demand } from "./closing.js";
import { Heartbeat } from "./heartbeat.js";
import { Link } from "./link.js";

export const STABLE_MS = 30_000; // a socket that held this long ends the patience learnt before

// The address follows the page: a page that came by TLS may not open a plain socket (pitfalls A3).
export const address = ({ protocol, host }) =>
  `${protocol === "https:" ? "wss:" : "ws:"}//${host}/ws/chat/`;

export class Connection {
  // onstate: connecting, online, reconnecting, banned or ended. onwelcome: on each new socket. onframe: the rest.
  constructor({ url, onstate, onwelcome, onframe, make, random = Math.random }) {
    Object.assign(this, { url, onstate, onwelcome, onframe, make, random });
    this.backoff = new Backoff({ random });
    this.heartbeat = new Heartbeat({
      ping: () => this.send({ type: "ping" }),
      dead: () => this.restart(),
    });
    this.current = null; // the socket that speaks
    this.next = null; // the one that is being opened
    this.resting = true;
    this.refused = false; // 4401 came once already
    this.patient = false; // the server asked us to wait: waking up is no reason not to
  }

  open() {
    this.resting = false;
    this.refused = false;
    this.onstate("connecting");
    this.#dial();
  }

  send(frame) {
    return this.current?.send(frame) ?? false;
  }

  // The page goes away or into the browser's cache, which an open socket would keep it out of.
  rest() {
    this.resting = true;
    this.#forget();
  }

  // The page is looked at again, or the network is back: ask the socket, or try now.
  wake() {
    if (this.resting) return;
    if (this.current) this.heartbeat.beat();
    else if (!this.patient) this.#dial();
  }

  // Something was not answered in time.
  restart() {
    this.current?.drop();
  }

  #dial() {
    clearTimeout(this.timer);
    if (this.next || this.resting) return;
    const link = new Link({
      url: this.url,
      make: this.make,
      onwelcome: (frame) => this.#adopt(link, frame),
      onframe: (frame) => this.#take(link, frame),
      onclose: (code) => this.#lost(link, code),
    });
    this.next = link;
  }

  #adopt(link, frame) {
    this.current?.close();
    this.current = link;
    this.next = null;
    this.refused = false;
    this.patient = false;
    clearTimeout(this.timer);
    clearTimeout(this.stable);
    this.stable = setTimeout(() => this.backoff.reset(), STABLE_MS);
    this.heartbeat.start(frame.heartbeat_seconds ?? 25);
    this.onstate("online");
    this.onwelcome(frame);
  }

  #take(link, frame) {
    if (link !== this.current) return;
    this.heartbeat.heard();
    // The instance stops: be on another one before it does, at a moment of our own.
    if (frame.type === "drain") this.#later(this.random() * frame.within_ms);
    else this.onframe(frame);
  }

  #lost(link, code) {
    if (link === this.next) this.next = null;
    else if (link === this.current) this.#silence();
    const wish = demand(code);
    if (wish === "banned") return this.#stop("banned");
    if (wish === "cookie") {
      if (this.refused) return this.#stop("ended");
      this.refused = true;
    }
    if (!this.current) this.onstate("reconnecting");
    if (!this.next) this.#later(this.#wait(wish));
  }

  #wait(wish) {
    this.patient = wish === "later";
    if (wish === "soon" || wish === "cookie") return this.random() * SOON_MS;
    return this.backoff.next() + (this.patient ? LATER_MS : 0);
  }

  #later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#dial(), milliseconds);
  }

  #stop(state) {
    this.resting = true;
    this.#forget();
    this.onstate(state);
  }

  #silence() {
    this.current = null;
    clearTimeout(this.stable);
    this.heartbeat.stop();
  }

  #forget() {
    clearTimeout(this.timer);
    const links = [this.current, this.next];
    this.next = null;
    this.#silence();
    for (const link of links) link?.close();
  }
}
