// One's own messages that are not in the log yet, below it.

import { element } from "./element.js";
import { line } from "./line.js";
import { phrase } from "./phrases.js";

const REASONS = new Map([
  ["too_long", "too_long"],
  ["bad_field", "bad_field"],
  ["not_allowed", "refused"],
  ["no_such_room", "no_such_room"],
]);

export class Waiting {
  constructor({ list, author, discard }) {
    Object.assign(this, { list, author, discard });
  }

  draw(items) {
    this.list.replaceChildren(...items.map((item) => this.#line(item)));
  }

  #line({ key, text, at, state, code }) {
    const made = line({ seq: "", kind: "text", author: this.author, at, text }, { own: true });
    made.classList.add(state);
    made.dataset.key = key;
    const said = made.querySelector(".said");
    if (state === "waiting") said.append(element("p", { className: "fate", text: phrase("pending") }));
    if (state === "failed") {
      const reason = phrase(REASONS.get(code) ?? "unknown", { code });
      const button = element("button", { type: "button", className: "quiet", text: phrase("discard") });
      button.addEventListener("click", () => this.discard(key));
      said.append(element("p", { className: "fate", text: phrase("failed", { reason }) }, " ", button));
    }
    return made;
  }
}
