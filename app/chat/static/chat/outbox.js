// What was written here and is not known to be stored: kept, under its key, until the server says `sent`.
//
// One message is on its way at a time, so that a room reads them in the order they were written.

export const MOST = 100;
export const ANSWER_MS = 10_000; // no answer for so long: the socket only looks alive (pitfalls K9)
const AGAIN = new Set(["unavailable", "rate_limited"]); // the same key, later
const REJOIN = "not_joined"; // the room asks for it again after it has joined

const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class Outbox {
  // A key belongs to its owner and room, and so does what is kept. hooks: draw(items), stuck(), rejoin().
  constructor({ slug, owner, storage, send, hooks, random = Math.random }) {
    Object.assign(this, { slug, owner, storage, send, hooks, random });
    this.place = `parley:outbox:${owner}:${slug}`;
    this.ready = false; // the room is joined
    this.flying = null; // the key that waits for its answer
    this.items = this.#load();
  }

  // Take a text; false where too much waits already.
  add(text) {
    if (this.items.length >= MOST) return false;
    this.items.push({ key: newKey(), text, at: new Date().toISOString(), state: "waiting" });
    this.#changed();
    this.#push();
    return true;
  }

  discard(key) {
    this.items = this.items.filter((item) => item.key !== key || item.state !== "failed");
    this.#changed();
  }

  // The room is joined: what waits goes out again, in order, under the same keys.
  online() {
    this.offline();
    this.ready = true;
    this.#push();
  }

  offline() {
    this.ready = false;
    this.flying = null;
    clearTimeout(this.timer);
  }

  take(frame, position) {
    if (frame.type === "sent" && frame.room === this.slug) this.#sent(frame, position);
    else if (frame.type === "error") this.#refused(frame);
  }

  // These are in the log and on the page, so they need not be shown as one's own unsent ones.
  seen(entries, position) {
    const keys = new Set(entries.filter(({ author }) => author?.id === this.owner).map(({ key }) => key));
    const before = this.items.length;
    this.items = this.items.filter(
      (item) => !keys.has(item.key) && !(item.state === "sent" && item.seq <= position),
    );
    if (this.items.length !== before) this.#changed();
    if (keys.has(this.flying)) this.#landed();
  }

  #push() {
    if (!this.ready || this.flying !== null) return;
    const item = this.items.find(({ state }) => state === "waiting");
    if (!item) return;
    if (!this.send({ type: "send", room: this.slug, key: item.key, ref: item.key, text: item.text })) return;
    this.flying = item.key;
    this.timer = setTimeout(() => this.hooks.stuck(), ANSWER_MS);
  }

  #landed() {
    clearTimeout(this.timer);
    this.flying = null;
    this.#push();
  }

  #sent({ key, seq }, position) {
    const item = this.items.find((one) => one.key === key);
    if (item) {
      // Until its entry comes it is shown, but no longer kept: the log has it.
      Object.assign(item, { state: "sent", seq });
      this.seen([], position);
      this.#changed();
    }
    if (key === this.flying) this.#landed();
  }

  // A frame that could not be read has no key in its answer, but its `ref`.
  #refused({ ref, key = ref, code, retry_ms: pause = 1000 }) {
    if (this.flying === null || key !== this.flying) return;
    clearTimeout(this.timer);
    if (code === REJOIN) {
      this.offline();
      this.hooks.rejoin();
    } else if (AGAIN.has(code)) {
      this.timer = setTimeout(() => this.#landed(), pause + this.random() * pause);
    } else {
      const item = this.items.find((one) => one.key === key);
      if (item) Object.assign(item, { state: "failed", code });
      this.#changed();
      this.#landed();
    }
  }

  #changed() {
    const kept = this.items.filter(({ state }) => state !== "sent");
    try {
      if (kept.length) this.storage.setItem(this.place, JSON.stringify(kept));
      else this.storage.removeItem(this.place);
    } catch {
      // A full or forbidden storage costs the messages of a closed tab, not those of this one.
    }
    this.hooks.draw(this.items);
  }

  #load() {
    try {
      const kept = JSON.parse(this.storage.getItem(this.place) ?? "[]");
      return kept.filter(({ key, text }) => typeof key === "string" && typeof text === "string");
    } catch {
      return [];
    }
  }
}
