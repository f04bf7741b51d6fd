// What was said before the page came: asked for page by page.

export const PAGE = 50;

export class History {
  // show(entries, more): entries older than all the page has, oldest first.
  constructor({ slug, send, show }) {
    Object.assign(this, { slug, send, show });
    this.oldest = null; // the first seq the page has
    this.asked = 0;
    this.waiting = false;
  }

  // The list starts here now; an answer on its way was for another list.
  start(oldest) {
    this.oldest = oldest ?? null;
    this.offline();
  }

  offline() {
    this.waiting = false;
    this.asked += 1;
  }

  get more() {
    return this.oldest !== null && this.oldest > 1;
  }

  older() {
    if (this.waiting || !this.more) return;
    const frame = { type: "history", room: this.slug, before: this.oldest, limit: PAGE, ref: this.#ref() };
    this.waiting = this.send(frame);
  }

  take(frame) {
    if (frame.ref !== this.#ref()) return;
    if (frame.type !== "history" && frame.type !== "error") return;
    this.waiting = false;
    this.asked += 1;
    if (frame.type === "error") return; // the reader asks again by scrolling
    this.oldest = frame.more ? (frame.entries[0]?.seq ?? null) : null;
    this.show(frame.entries);
  }

  #ref() {
    return `history-${this.asked}`;
  }
}
