// Who is writing, and telling that we are.

export const TELL_MS = 3000; // told at most this often
export const SHOW_MS = 5000; // believed for this long

export class Typing {
  // show(names): those who are writing now, as called(who) has them.
  constructor({ slug, owner, send, show, called = ({ name }) => name }) {
    Object.assign(this, { slug, owner, send, show, called });
    this.told = -Infinity;
    this.writers = new Map(); // id → { name, timer }
  }

  // A key was pressed here.
  typed() {
    const now = Date.now();
    if (now - this.told < TELL_MS) return;
    if (this.send({ type: "typing", room: this.slug })) this.told = now;
  }

  // What was written is sent: the next letter is news again.
  done() {
    this.told = -Infinity;
  }

  take(frame) {
    if (frame.type !== "typing" || frame.room !== this.slug || frame.who?.id === this.owner) return;
    clearTimeout(this.writers.get(frame.who.id)?.timer);
    const timer = setTimeout(() => this.stopped(frame.who.id), SHOW_MS);
    this.writers.set(frame.who.id, { name: this.called(frame.who), timer });
    this.#show();
  }

  // Somebody's message came, or they left.
  stopped(id) {
    clearTimeout(this.writers.get(id)?.timer);
    if (this.writers.delete(id)) this.#show();
  }

  #show() {
    this.show([...this.writers.values()].map(({ name }) => name));
  }
}
