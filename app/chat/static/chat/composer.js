// Where one writes: Enter sends, Shift and Enter starts a new line.

import { phrase } from "./phrases.js";

const NEAR_LIMIT = 200; // characters left from which on they are counted

export class Composer {
  // send(text): true if it was taken. typed(): a letter was written.
  constructor({ form, send, typed }) {
    Object.assign(this, { form, send, typed });
    this.field = form.querySelector("textarea");
    this.counter = form.querySelector(".counter");
    this.button = form.querySelector("button");
    this.most = Infinity;
    form.addEventListener("submit", (event) => this.#submit(event));
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.#input());
  }

  // The server's limit, in characters as it counts them: code points.
  limit(characters) {
    this.most = characters ?? Infinity;
    this.#measure();
  }

  close() {
    this.field.disabled = true;
    this.button.disabled = true;
  }

  #key(event) {
    // While an input method composes a letter, Enter is part of writing it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    this.#submit(event);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.field.value.replace(/\r\n?/g, "\n");
    if (!text.trim() || this.field.disabled || !this.#measure()) return;
    if (!this.send(text)) {
      this.counter.textContent = phrase("full");
      return;
    }
    this.field.value = "";
    this.#measure();
    this.field.focus();
  }

  #input() {
    this.#measure();
    if (this.field.value.trim()) this.typed();
  }

  // Fit the field to its text, count what is left, and say whether it may be sent.
  #measure() {
    this.field.rows = Math.min(8, this.field.value.split("\n").length);
    const left = this.most - [...this.field.value].length;
    this.form.classList.toggle("over", left < 0);
    this.button.disabled = left < 0 || this.field.disabled;
    if (left < 0) this.counter.textContent = phrase("too_many", { count: -left });
    else this.counter.textContent = left <= NEAR_LIMIT ? phrase("left_over", { count: left }) : "";
    return left >= 0;
  }
}
