// One room as this page has it: every entry once, in order, with no gap, whatever happens to the sockets.

export const JOIN_MS = 10_000; // a join without an answer is asked again after this

export class Room {
  // hooks: replace(entries), append(entries), joined(frame), refused(code), left(reason).
  constructor({ slug, send, hooks, random = Math.random }) {
    Object.assign(this, { slug, send, hooks, random });
    this.position = 0; // the last seq the page has
    this.epoch = null; // the history it belongs to
    this.mark = null; // what the server gave to show for it; an older one gives none
    this.here = false;
    this.asked = 0; // joins so far: the number tells their answers apart
  }

  // Enter, or enter again from where we are.
  join() {
    clearTimeout(this.timer);
    this.here = false;
    this.asked += 1;
    const known = this.epoch === null ? {} : { after: this.position, epoch: this.epoch };
    if (this.mark !== null) known.mark = this.mark;
    this.send({ type: "join", room: this.slug, ref: this.#ref(), ...known });
    this.timer = setTimeout(() => this.join(), JOIN_MS);
  }

  // The socket is gone.
  offline() {
    clearTimeout(this.timer);
    this.here = false;
    this.asked += 1; // an answer that was on its way belongs to the old socket
  }

  take(frame) {
    if (frame.type === "pong") this.#compare(frame.heads);
    else if (frame.type === "error" && frame.ref === this.#ref()) this.#refused(frame);
    else if (frame.room !== this.slug) return;
    else if (frame.type === "joined" && frame.ref === this.#ref()) this.#joined(frame);
    else if (frame.type === "entries" && this.here) this.#more(frame);
    else if (frame.type === "left" && this.here) this.#left(frame.reason);
  }

  #ref() {
    return `join-${this.asked}`;
  }

  #joined(frame) {
    clearTimeout(this.timer);
    this.here = true;
    this.epoch = frame.epoch;
    this.mark = frame.mark ?? null;
    if (frame.recovered) {
      this.#apply(frame.entries);
    } else {
      this.position = frame.entries.at(-1)?.seq ?? frame.head;
      this.hooks.replace(frame.entries);
    }
    // A gap in what came with the join has sent us back to the door.
    if (this.here) this.hooks.joined(frame);
  }

  #more(frame) {
    this.mark = frame.mark ?? this.mark;
    this.#apply(frame.entries);
  }

  // Seen ones are dropped; at a hole, what came before it counts, and the log fills the rest.
  #apply(entries) {
    const fresh = entries.filter((entry) => entry.seq > this.position);
    const whole = fresh.findIndex((entry, index) => entry.seq !== this.position + 1 + index);
    const next = whole === -1 ? fresh : fresh.slice(0, whole);
    if (next.length) {
      this.position = next.at(-1).seq;
      this.hooks.append(next);
    }
    if (whole !== -1) this.join();
  }

  // The server wrote up to `heads` before this pong: if we have less, something got lost.
  #compare(heads) {
    if (this.here && (heads?.[this.slug] ?? 0) > this.position) this.join();
  }

  #refused(frame) {
    clearTimeout(this.timer);
    if (frame.retry_ms === undefined && frame.code !== "unavailable" && frame.code !== "rate_limited") {
      this.hooks.refused(frame.code);
      return;
    }
    const wait = frame.retry_ms ?? 1000;
    this.timer = setTimeout(() => this.join(), wait + this.random() * wait);
  }

  #left(reason) {
    this.here = false;
    this.hooks.left(reason);
  }
}
