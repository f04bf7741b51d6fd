// How the connection is, in a word at the top.

import { phrase } from "./phrases.js";

export class Status {
  constructor(place) {
    this.place = place;
    this.state = "connecting";
    for (const event of ["online", "offline"]) window.addEventListener(event, () => this.#draw());
  }

  show(state) {
    this.state = state;
    this.#draw();
  }

  // Which instance speaks, for whoever looks for it.
  instance(name) {
    this.place.dataset.instance = name;
  }

  #draw() {
    const away = navigator.onLine === false && (this.state === "reconnecting" || this.state === "connecting");
    const shown = away ? "offline" : this.state;
    this.place.dataset.state = shown;
    this.place.textContent = phrase(shown);
  }
}
